"""The search block: its names are checked here; a search reads it."""

from starc.alphabet import Alphabet
from starc.alphabet.option import Option, read
from starc.alphabet.settings import collect
from starc.diagnostics import Problems
from starc.frontend import ast

_COUNTS = tuple(
    Option(name, "whole", meaning, high=10**9)
    for name, meaning in (
        ("population", "candidates of a generation"),
        ("generations", "rounds of selection"),
        ("elitism", "candidates that survive unchanged"),
        ("seeds", "number of runs, or the seed"),
        ("depth", "LIVs of a candidate"),
        ("context", "tokens of a sequence"),
        ("steps", "training steps of a candidate"),
    )
)
_BY_NAME = {option.name: option for option in _COUNTS}
SETTINGS = (
    *("pool", *_BY_NAME, "algorithm", "mutation", "crossover", "budget", "data"),
    *("placement", "device", "workers", "proxy", "tournament"),
)


def check_search(block: ast.Search, alphabet: Alphabet, problems: Problems) -> None:
    """Names and counts of a search; what they mean together is not its matter."""
    settings = collect(block.settings, SETTINGS, "The search block", problems)
    for name, option in _BY_NAME.items():
        if name in settings and isinstance(settings[name].value, ast.Number):
            read(option, settings[name].value, problems)
        elif name in settings and name in ("population", "generations"):
            read(option, settings[name].value, problems)
    pool = settings.get("pool")
    if pool is None:
        return
    items = pool.value.items if isinstance(pool.value, ast.List) else ()
    names = [item for item in items if isinstance(item, ast.Name)]
    if not names or len(names) < len(items):
        problems.add(
            "wrong-value",
            "Wrong value for `pool`",
            pool.value.span,
            "not a list of LIVs",
            "`pool` takes the LIVs that a search may use, as [SA-1, GConv-1].",
        )
    for liv in names:
        alphabet.find(liv, problems)
