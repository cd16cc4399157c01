"""The search block, read: what it states, checked against the alphabet."""

from collections.abc import Sequence
from dataclasses import field
from fractions import Fraction
from itertools import compress

from starc.alphabet import Alphabet, LivClass, Stream, build_operator, read_arguments
from starc.alphabet.option import Givens, Quantity, read
from starc.alphabet.settings import collect, read_all, read_call
from starc.diagnostics import Problems
from starc.frontend import ast
from starc.lower.search_options import (
    DEPTH,
    GENES,
    LISTS,
    PLAIN,
    SEED,
    SETTINGS,
    TRAINER_KIND,
    TRAINERS,
    WORDS,
)
from starc.values import dataclass

_BY_NAME = {option.name: option for option in PLAIN if option.name not in WORDS}

Pair = tuple[str, ast.Value]


@dataclass
class SearchSettings:
    """What a search block states, and nothing that it does not.

    plain: of search_options.PLAIN, and what is between the parentheses of `algorithm`.
    genes: settings of the model -> values, as nodes.
    opened: class -> parameter -> values, as nodes. trainer: kind and its settings.
    """

    plain: dict[str, Quantity] = field(default_factory=dict)
    pool: tuple[ast.Name, ...] = ()
    depth: tuple[int, ...] = ()
    seeds: tuple[ast.Name, ...] = ()
    genes: dict[str, tuple[ast.Value, ...]] = field(default_factory=dict)
    opened: dict[str, dict[str, tuple[ast.Value, ...]]] = field(default_factory=dict)
    trainer: str = ""
    recipe: dict[str, Quantity] = field(default_factory=dict)
    lists: dict[str, tuple[Quantity, ...]] = field(default_factory=dict)


def read_search(
    block: ast.Search, alphabet: Alphabet, stream: Stream | None, problems: Problems
) -> SearchSettings:
    """The settings; those that are wrong are told, and left out.

    Names of measures are not looked at: what can be measured, starc.evolve knows.
    """
    settings = collect(block.settings, SETTINGS, "The search block", problems)
    found = SearchSettings()
    for name, given in read_all(settings, _BY_NAME, problems).items():
        found.plain[name] = given.value
    if "algorithm" in settings:
        words = WORDS["algorithm"]
        default = next(iter(words))
        word, said = read_call(settings["algorithm"], words, default, problems)
        found.plain["algorithm"] = word
        found.plain.update((name, given.value) for name, given in said.items())
    values = {name: setting.value for name, setting in settings.items()}
    if "pool" in values:
        found.pool = _livs(values["pool"], alphabet, problems)
    if "depth" in values:
        found.depth = _depth(values["depth"], problems)
    if "seeds" in values:
        items = _items(values["seeds"])
        found.seeds = tuple(
            item
            for item in items
            if read(SEED, item, problems) and isinstance(item, ast.Name)
        )
    for gene, option in GENES.items():
        if gene in values:
            items = _items(values[gene])
            right = [read(option, item, problems) is not None for item in items]
            found.genes[gene] = tuple(compress(items, right))
    if "open" in values:
        for item in _items(values["open"]):
            _open(item, alphabet, stream, found, problems)
    if "trainer" in values:
        _trainer(values["trainer"], found, problems)
    return found


def _items(value: ast.Value) -> Sequence[ast.Value]:
    """Of a list; anything else is a list of one."""
    return value.items if isinstance(value, ast.List) else (value,)


def _wrong(name: str, value: ast.Value, label: str, why: str, to: Problems) -> None:
    to.add("wrong-value", f"Wrong value for `{name}`", value.span, label, why)


def _livs(
    value: ast.Value, alphabet: Alphabet, problems: Problems
) -> tuple[ast.Name, ...]:
    items = value.items if isinstance(value, ast.List) else ()
    names = tuple(item for item in items if isinstance(item, ast.Name))
    if not names or len(names) < len(items):
        why = "`pool` takes the LIVs that a search may use, as [MHA, ShortConv]."
        _wrong("pool", value, "not a list of LIVs", why, problems)
    return tuple(name for name in names if alphabet.find(name, problems))


def _depth(value: ast.Value, problems: Problems) -> tuple[int, ...]:
    items = _items(value)
    numbers = [read(DEPTH, item, problems) for item in items]
    found = tuple(number for number in numbers if isinstance(number, int))
    if len(found) < len(items):
        return ()
    if len(found) not in (1, 2) or list(found) != sorted(found):
        why = "`depth` is a number of LIVs, or the fewest and the most: [12, 24]."
        _wrong("depth", value, "neither a number nor a range", why, problems)
        return ()
    return found[0], found[-1]


def _open(
    item: ast.Value,
    alphabet: Alphabet,
    stream: Stream | None,
    found: SearchSettings,
    problems: Problems,
) -> None:
    """`ShortConv(kernel = [3, 4, 8])`: every value is tried by itself."""
    if not isinstance(item, ast.Call):
        why = "`open` takes LIVs with lists of values: [ShortConv(kernel = [3, 4, 8])]."
        _wrong("open", item, "not a LIV with values", why, problems)
        return
    meaning = alphabet.find(item.name, problems)
    if meaning is None:
        return
    of_class = found.opened.setdefault(alphabet.resolved(item.name.text), {})
    for setting in item.arguments:
        values = tuple(_items(setting.value))
        for value in values:
            one = ast.Setting(setting.span, setting.name, value)
            before = len(problems.found)
            given = read_arguments((one,), meaning.liv, meaning.stated, problems)
            if len(problems.found) == before and stream is not None:
                _build(meaning.liv, given, value, stream, problems)
        of_class[setting.name.text] = values


def _build(
    liv: LivClass, given: Givens, value: ast.Value, stream: Stream, problems: Problems
) -> None:
    build_operator(liv, given, value.span, stream, problems)


def _trainer(value: ast.Value, found: SearchSettings, problems: Problems) -> None:
    arguments: tuple[ast.Setting, ...] = ()
    if isinstance(value, ast.Call):
        arguments, value = value.arguments, value.name
    kind = read(TRAINER_KIND, value, problems)
    if not isinstance(kind, str):
        return
    known = TRAINERS[kind]
    settings = collect(arguments, known, f"`{kind}`", problems, "unknown-parameter")
    for name, option in LISTS.items():
        if name not in settings:
            continue
        items = _items(settings.pop(name).value)
        numbers = tuple(read(option, item, problems) for item in items)
        found.lists[name] = tuple(n for n in numbers if n is not None)
    _check_rungs(found, value, problems)
    found.trainer = kind
    for name, given in read_all(settings, known, problems).items():
        found.recipe[name] = given.value


def _check_rungs(found: SearchSettings, value: ast.Value, problems: Problems) -> None:
    rungs = [
        Fraction(r) for r in found.lists.get("rungs", ()) if not isinstance(r, str)
    ]
    if rungs and (rungs != sorted(set(rungs)) or rungs[-1] != 1):
        why = "Each rung is a later share of the steps, and the last is all: [1/4, 1]."
        _wrong("rungs", value, "its rungs do not rise to 1", why, problems)
