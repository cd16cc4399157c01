"""Reading operator genomes: `liv NAME { ... }` and `diff(...)`."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from starc.alphabet.common import SHIFT
from starc.alphabet.featurizers import FeaturizerGenome, read_code
from starc.alphabet.liv_class import CHOICES, LivClass
from starc.alphabet.match import match
from starc.alphabet.option import Givens, Quantity
from starc.alphabet.read_structure import WrittenStructure, read_structure
from starc.alphabet.settings import collect, read_all
from starc.alphabet.sizes import expansions, latents, repeat_of, sources
from starc.alphabet.template import Template
from starc.alphabet.templates import templates
from starc.diagnostics import Problems
from starc.frontend import ast

SETTINGS = ("code", "featurizer", *CHOICES)

FindFeaturizer = Callable[[ast.Name], FeaturizerGenome | None]


def read_class(
    item: ast.LivGenome, find_featurizer: FindFeaturizer, problems: Problems
) -> LivClass | None:
    """The class, or None with problems added.

    `find_featurizer` resolves the name of a featurizer, and tells of an unknown one.
    """
    before = len(problems.found)
    stated = {setting.name.text for setting in item.settings}
    allowed = SETTINGS
    if not stated <= {*SETTINGS}:
        options = dict.fromkeys(name for t in templates() for name in t.by_name)
        allowed = (*SETTINGS, *options)
    settings = collect(item.settings, allowed, "An operator genome", problems)
    featurizer = None
    if "featurizer" in settings:
        value = settings["featurizer"].value
        if isinstance(value, ast.Name):
            featurizer = find_featurizer(value)
        else:
            problems.add(
                "wrong-value",
                "Wrong value for `featurizer`",
                value.span,
                "not a name",
                "`featurizer` takes the name of a featurizer.",
            )
    words: dict[str, WrittenStructure] = {}
    for choice, known in CHOICES.items():
        if choice in settings:
            word = read_structure(settings[choice], known, problems)
            if word is not None:
                words[choice] = word
    for choice in ("featurizer", "token", "channel"):
        if choice not in settings:
            _missing(item, choice, problems)
    code = read_code(settings, problems)
    if featurizer is None or len(problems.found) > before:
        return None
    plain = {c: words[c].text if c in words else "none" for c in CHOICES}
    template = match(item, featurizer, plain, settings, problems)
    if template is None:
        return None
    defaults = _defaults(template, featurizer, words, problems)
    repeat = repeat_of(template, featurizer, problems)
    others = {n: s for n, s in settings.items() if n not in SETTINGS}
    defaults.update(_read(template, others, "unknown-setting", problems))
    if len(problems.found) > before:
        return None
    name = item.name
    return LivClass(
        name.text, template, featurizer, plain, defaults, name.span, code, repeat
    )


def read_difference(
    item: ast.LivDiff, of: LivClass, stated: Givens, problems: Problems
) -> LivClass | None:
    """`diff(X)`: the class of LIV_a(x) - LIV_b(x), or None with problems added.

    `stated`: what X says besides its class, where it is an alias.
    """
    before = len(problems.found)
    settings = collect(item.settings, ("code",), "A differential LIV", problems)
    code = read_code(settings, problems)
    if len(problems.found) > before:
        return None
    name, values = item.name, {n: given.value for n, given in stated.items()}
    defaults = {**of.defaults, **values}
    return replace(
        of,
        name=name.text,
        span=name.span,
        code=code,
        of=of,
        defaults=defaults,
        alias="",
    )


def _missing(item: ast.LivGenome, choice: str, problems: Problems) -> None:
    values = " | ".join(CHOICES[choice]) if choice in CHOICES else "NAME"
    problems.add(
        "missing-setting",
        f"A LIV without {choice}",
        item.name.span,
        f"its `{choice}` is missing",
        "An operator genome makes five choices: featurizer, token, sparsity, nonlinear "
        "and channel. Only sparsity and nonlinear may be left out: none.",
        f"write {choice} = {values}",
    )


def _defaults(
    template: Template,
    featurizer: FeaturizerGenome,
    words: Mapping[str, WrittenStructure],
    problems: Problems,
) -> dict[str, Quantity]:
    """What the class settles of the template's options."""
    found = expansions(template, featurizer, problems)
    found |= sources(template, featurizer, problems)
    found |= latents(template, featurizer, problems)
    for group, option in template.flags.items():
        there, row = group in featurizer.groups, template.by_name[option]
        if row.type == "flag":
            found[option] = there
        elif not there or row.yes:
            found[option] = row.yes if there else "none"
    if featurizer.word("token", "diagonal") == SHIFT.name:
        found[SHIFT.name] = True
    if template.features_option and featurizer.word("nonlinear", "none") != "none":
        found[template.features_option] = featurizer.word("nonlinear", "none")
    if template.nonlinear_option and "nonlinear" in words:
        found[template.nonlinear_option] = words["nonlinear"].text
    for word in (*featurizer.words.values(), *words.values()):
        found.update(_read(template, word.arguments, "unknown-parameter", problems))
    return found


def _read(
    template: Template,
    settings: Mapping[str, ast.Setting],
    code: str,
    problems: Problems,
) -> dict[str, Quantity]:
    if not settings:
        return {}
    of = template.title.capitalize()
    known = collect(tuple(settings.values()), template.by_name, of, problems, code)
    given = read_all(known, template.by_name, problems)
    return {name: value.value for name, value in given.items()}
