"""Featurizer genomes: which feature groups there are, and how they are computed."""

from collections.abc import Sequence
from dataclasses import field, replace

from starc.alphabet import structures
from starc.alphabet.option import Option, Quantity, read
from starc.alphabet.read_structure import WrittenStructure, read_structure
from starc.alphabet.settings import collect
from starc.diagnostics import Problems
from starc.frontend import ast
from starc.numerals import counted
from starc.source import Span
from starc.values import dataclass

CODE = Option("code", "whole", "number of the class in a genome", high=9_999)
CHOICES = {
    "token": structures.FEATURIZER_TOKEN,
    "sparsity": {"none": structures.SPARSITY["none"]},
    "nonlinear": structures.FEATURIZER_NONLINEAR,
    "channel": structures.FEATURIZER_CHANNEL,
    "filter": structures.FILTER,
}
EXPAND = Option(
    "expand",
    "number",
    "width of a group over that of the input; of b and c, states per channel",
    1,
    low=1 / 64,
    high=4096,
)
REPEAT = Option("repeat", "whole", "copies of a group across channels", 1, high=4096)

SETTINGS = (
    *("code", "groups", "token", "sparsity", "nonlinear", "channel"),
    *("filter", "expand", "repeat", "source"),
)
_MOST_GROUPS = 16


@dataclass(frozen=True)
class FeaturizerGenome:
    """`featurizer NAME { ... }`, read.

    code: first digit of the operator genome, or None. words: token, nonlinear, filter.
    latents: of the groups whose channel is latent, how that is written.
    expand, repeat: one number a group, in their order; expand None where not stated.
    source: what each group is a projection of: "input", or a group before it.
    settings: as written, to point at.
    """

    name: str
    groups: tuple[str, ...]
    words: dict[str, WrittenStructure]
    span: Span = field(compare=False, repr=False)
    settings: dict[str, ast.Setting] = field(compare=False, repr=False)
    code: int | None = None
    expand: tuple[Quantity, ...] | None = None
    repeat: tuple[Quantity, ...] | None = None
    source: tuple[str, ...] | None = None
    latents: dict[str, WrittenStructure] = field(default_factory=dict)

    def word(self, choice: str, default: str) -> str:
        return self.words[choice].text if choice in self.words else default


def read_featurizer(
    item: ast.Featurizer, problems: Problems
) -> FeaturizerGenome | None:
    """The genome, or None with problems added."""
    before = len(problems.found)
    name = item.name.text
    settings = collect(item.settings, SETTINGS, "A featurizer", problems)
    groups = _groups(item, settings.get("groups"), problems)
    code = read_code(settings, problems)
    words = {}
    for choice, known in CHOICES.items():
        if choice == "channel":
            continue  # one word, or one for each group
        if choice in settings:
            if _unrealised(choice, settings[choice], known, problems):
                continue
            word = read_structure(settings[choice], known, problems)
            if word is not None:
                words[choice] = word
    latents = _latents(settings.get("channel"), groups, problems)
    expand = _numbers(settings.get("expand"), EXPAND, groups, problems)
    repeat = _numbers(settings.get("repeat"), REPEAT, groups, problems)
    source = _sources(settings.get("source"), groups, problems)
    if len(problems.found) > before:
        return None
    return FeaturizerGenome(
        name,
        groups,
        words,
        item.name.span,
        settings,
        code,
        expand,
        repeat,
        source,
        latents,
    )


def read_code(settings: dict[str, ast.Setting], problems: Problems) -> int | None:
    """The number of a class, None where it has none."""
    if "code" not in settings:
        return None
    code = read(CODE, settings["code"].value, problems)
    return code if isinstance(code, int) else None


_ALL = {
    "token": structures.TOKEN,
    "sparsity": structures.SPARSITY,
    "nonlinear": structures.NONLINEAR,
    "channel": structures.CHANNEL,
}


def _unrealised(
    choice: str,
    setting: ast.Setting,
    known: dict[str, structures.Structure],
    problems: Problems,
) -> bool:
    """A structure that exists, but that no featurizer has been given code for."""
    value = setting.value
    name = value.name if isinstance(value, ast.Call) else value
    if not isinstance(name, ast.Name):
        return False
    word = structures.SYNONYMS.get(name.text, name.text)
    if word in known or word not in _ALL.get(choice, {}):
        return False
    problems.add(
        "no-template",
        "No template realises this featurizer",
        value.span,
        f"`{choice}` of a featurizer cannot be {word}",
        f"Features are computed with {choice} = {' or '.join(known)}.",
        f"write {choice} = {next(iter(known))}",
    )
    return True


def _groups(
    item: ast.Featurizer, setting: ast.Setting | None, problems: Problems
) -> tuple[str, ...]:
    if setting is None:
        problems.add(
            "missing-setting",
            f"Featurizer {item.name.text[:80]} has no groups",
            item.name.span,
            "its groups are missing",
            "A featurizer computes the feature groups that its operator is made of.",
            "write groups = [q, k, v], or [b, c, x], or [gate, up]",
        )
        return ()
    value, names = setting.value, []
    if isinstance(value, ast.List):
        names = [v.text for v in value.items if isinstance(v, ast.Name)]
        if names and len(names) == len(value.items) <= _MOST_GROUPS:
            if len(set(names)) == len(names):
                return tuple(names)
    problems.add(
        "wrong-value",
        "Wrong value for `groups`",
        value.span,
        "not a list of different names",
        f"`groups` takes a list of 1 to {_MOST_GROUPS} different names, as [q, k, v].",
    )
    return ()


def _latents(
    setting: ast.Setting | None, groups: tuple[str, ...], problems: Problems
) -> dict[str, WrittenStructure]:
    """Those of the groups that `channel`, a word for all or a list, calls latent."""
    if setting is None:
        return {}
    known, value = structures.FEATURIZER_CHANNEL, setting.value
    items = value.items if isinstance(value, ast.List) else (value,) * len(groups)
    if groups and not _one_each("channel", value, items, groups, "structure", problems):
        return {}
    if not isinstance(value, ast.List):
        items = items[:1]
    found = []
    for item in items:
        one = replace(setting, value=item)
        unrealised = _unrealised("channel", one, known, problems)
        found.append(None if unrealised else read_structure(one, known, problems))
    if not isinstance(value, ast.List):
        found *= len(groups)
    each = zip(groups, found, strict=False)
    return {g: one for g, one in each if one is not None and one.text == "latent"}


def _one_each(
    name: str,
    value: ast.Value,
    items: Sequence[ast.Value],
    groups: tuple[str, ...],
    what: str,
    problems: Problems,
) -> bool:
    """Whether a list has as many entries as there are groups; else it is told."""
    if len(items) == len(groups):
        return True
    problems.add(
        "wrong-value",
        f"Wrong value for `{name}`",
        value.span,
        counted(len(items), what) + f" for {counted(len(groups), 'group')}",
        f"`{name}` is one {what}, or a list of one for each group.",
    )
    return False


def _numbers(
    setting: ast.Setting | None,
    option: Option,
    groups: tuple[str, ...],
    problems: Problems,
) -> tuple[Quantity, ...] | None:
    """One number for all groups, or a list with one for each."""
    if setting is None:
        return None
    value = setting.value
    if not isinstance(value, ast.List):
        number = read(option, value, problems)
        return None if number is None else (number,) * len(groups)
    if groups and not _one_each(
        option.name, value, value.items, groups, "number", problems
    ):
        return None
    numbers = [read(option, item, problems) for item in value.items]
    return tuple(number for number in numbers if number is not None)


def _sources(
    setting: ast.Setting | None, groups: tuple[str, ...], problems: Problems
) -> tuple[str, ...] | None:
    """A word for each group: `input`, or a group that stands before it."""
    if setting is None:
        return None
    items = setting.value.items if isinstance(setting.value, ast.List) else ()
    names = tuple(v.text for v in items if isinstance(v, ast.Name))
    known = [("input", *groups[:place]) for place in range(len(groups))]
    alike = len(names) == len(items) == len(groups)
    if alike and all(n in before for n, before in zip(names, known, strict=True)):
        return names
    problems.add(
        "wrong-value",
        "Wrong value for `source`",
        setting.value.span,
        "not a source for each group",
        "`source` lists for each group what it is a projection of: `input`, or a group "
        "before it, as [input, input, x, x, x].",
    )
    return None
