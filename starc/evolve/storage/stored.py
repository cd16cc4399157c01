"""What a database may hold in place of what a search wrote: types and ranges.

All of it is checked when it is read, so that nothing later has to ask.
"""

from collections.abc import Iterable
from dataclasses import MISSING, fields
from typing import Any

from starc.alphabet.option import Option
from starc.artefacts import ArtefactError, integer, one_of, parse_json, real, string
from starc.choices import ALGORITHMS
from starc.lower.search_options import LISTS, MOST_LIVS, TRAINERS

MOST = 2**63 - 1
"""Of a measure, a seed, a parameter: what fits a column."""

COUNT = 2**31 - 1
"""Of what is counted: candidates, generations."""

_WORDS = {
    "direction": ("min", "max"),
    "relation": ("<=", ">=", "<", ">", "=="),
    "kind": tuple(TRAINERS),
    "algorithm": ALGORITHMS,
}
_MOST_TEXT = 16 << 20
_WIDER = {"generations": COUNT, "evaluations": COUNT, "minutes": COUNT, "seed": MOST}
"""The command line has more of these than the search block; 0 is no limit."""

MOST_RUNGS = 1000
"""Rungs or learning rates of a trainer."""


def parsed(text: Any, what: str, kind: type = dict) -> Any:
    """The JSON in a column, an object or a list. ArtefactError names it."""
    try:
        found = parse_json(string(text, what, _MOST_TEXT))
    except ArtefactError:
        raise
    except ValueError as error:
        raise ArtefactError(f"{what} is no JSON: {error}") from None
    if not isinstance(found, kind):
        raise ArtefactError(f"{what} is no {'object' if kind is dict else 'list'}")
    return found


def ids(text: Any, what: str) -> tuple[int, ...]:
    return tuple(integer(id, what, 0, COUNT) for id in parsed(text, what, list))


def measures(text: Any) -> dict[str, float]:
    found = parsed(text, "measures")
    for name, value in found.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ArtefactError(f"measures: {name!r} is no number")
        if isinstance(value, int):
            integer(value, f"measures: {name!r}", -MOST, MOST)
    return dict(found)


def changes(text: Any) -> tuple[dict[str, Any], ...]:
    """What made a candidate of its parents: objects with the texts `by`, `words`."""
    found = parsed(text, "changes", list)
    for change in found:
        if not isinstance(change, dict):
            raise ArtefactError("changes: one is no object")
        for name in ("by", "words"):
            string(change.get(name), f"changes: {name}", _MOST_TEXT)
    return tuple(found)


def genome(found: Any) -> tuple[tuple[int, int, int, int, int], ...]:
    if not isinstance(found, list) or not 0 < len(found) <= MOST_LIVS:
        raise ArtefactError(f"genome is no list of 1 to {MOST_LIVS} LIVs")
    livs = []
    for liv in found:
        if not isinstance(liv, list) or len(liv) != 5:
            raise ArtefactError("genome: a LIV is no list of five numbers")
        a, b, c, d, e = (integer(gene, "genome", 0, 10**6) for gene in liv)
        livs.append((a, b, c, d, e))
    return tuple(livs)


def pairs(found: Any, what: str) -> tuple[tuple[str, Any], ...]:
    """Names with a number, a truth or a text each."""
    if not isinstance(found, list):
        raise ArtefactError(f"{what} is no list")
    for pair in found:
        if not isinstance(pair, list) or len(pair) != 2:
            raise ArtefactError(f"{what}: {pair!r:.60} is no name with a value")
        string(pair[0], f"{what}: a name")
        _scalar(pair[1], f"{what}: {pair[0]!r}")
    return tuple((name, value) for name, value in found)


def _scalar(value: Any, what: str) -> None:
    if isinstance(value, bool):
        return
    if isinstance(value, int):
        integer(value, what, -MOST, MOST)
    elif isinstance(value, float):
        real(value, what, -1e300, 1e300)
    else:
        string(value, what)


def like(
    kind: Any, found: Any, what: str, options: Iterable[Option] = ()
) -> dict[str, Any]:
    """The fields of a dataclass that stand in `found`, each of its default's type.

    options: of the search block, whose ranges hold here too.
    """
    if not isinstance(found, dict):
        raise ArtefactError(f"{what} is no object")
    ranges = {option.name: option for option in options}
    for field in fields(kind):
        name, at = field.name, f"{what}.{field.name}"
        default = "" if field.default is MISSING else field.default
        if name not in found:
            if field.default is MISSING:
                raise ArtefactError(f"{at} is missing")
            continue
        value = found[name]
        if name == "bound" or isinstance(default, float):
            real(value, at, -1e300, 1e300)
        elif isinstance(default, bool):
            if not isinstance(value, bool):
                raise ArtefactError(f"{at} is neither true nor false")
        elif isinstance(default, int):
            integer(value, at, 0, MOST)
        elif isinstance(default, str):
            string(value, at, _MOST_TEXT)
        elif isinstance(default, tuple):
            _list(value, at, name)
        if name in _WORDS:
            one_of(value, at, _WORDS[name])
        if name in ranges and name not in LISTS and value != default:
            _in_range(value, at, ranges[name])
    known = {field.name for field in fields(kind)}
    return {name: value for name, value in found.items() if name in known}


def _in_range(value: Any, what: str, option: Option) -> None:
    """As the search block allows; 0 where that is `none`."""
    if option.choices and option.name != "device":  # --device has more, as cuda:1
        one_of(value, what, option.choices)
    elif option.type in ("whole", "number"):
        if option.name in _WIDER:
            real(value, what, 0, _WIDER[option.name])
        elif not (option.none and value == 0):
            real(value, what, option.low, option.high)


def _list(value: Any, what: str, name: str) -> None:
    if not isinstance(value, list):
        raise ArtefactError(f"{what} is no list")
    if name == "depth":
        if len(value) != 2:
            raise ArtefactError(f"{what} is no pair")
        low = integer(value[0], what, 1, MOST_LIVS)
        integer(value[1], what, low, MOST_LIVS)
    elif name in ("rungs", "learning_rates"):
        option = LISTS["rungs" if name == "rungs" else "lr"]
        if not 0 < len(value) <= MOST_RUNGS:
            raise ArtefactError(f"{what} is no list of 1 to {MOST_RUNGS} numbers")
        for one in value:
            real(one, what, option.low, option.high)
    elif name == "pool":
        for one in value:
            string(one, what)
    elif name == "arguments":
        pairs(value, what)
    elif name == "model":
        for _, text in pairs(value, what):
            string(text, what, _MOST_TEXT)
    elif name == "genes":
        _choices(value, what)
    elif name == "open":
        for _, opened in _named(value, what):
            _choices(opened, what)


def _choices(value: Any, what: str) -> None:
    """Names with the values that are searched."""
    for _, values in _named(value, what):
        if not isinstance(values, list) or not values:
            raise ArtefactError(f"{what} is no list of values")
        for one in values:
            _scalar(one, what)


def _named(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise ArtefactError(f"{what} is no list of pairs")
    for pair in value:
        if not isinstance(pair, list) or len(pair) != 2:
            raise ArtefactError(f"{what} is no list of pairs")
        string(pair[0], what)
    return value
