"""Values of measures, as people read them."""

from starc.evolve.problem import objectives
from starc.evolve.problem.spec import Objective, Requirement

_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
_PARTS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))


def value(number: float, unit: str) -> str:
    """`1.57 MB`, `12.3 ms`, `1.0795 bits a byte`."""
    if unit == "bytes":
        for scale, prefix in _PREFIXES:
            if abs(number) >= scale:
                return f"{number / scale:.3g} {prefix}B"
        return f"{number:.0f} B"
    if unit == "seconds":
        for scale, name in _PARTS:
            if abs(number) >= scale:
                return f"{number / scale:.3g} {name}"
        return f"{number:.3g} s"
    if abs(number) >= 1e4:
        for scale, prefix in _PREFIXES:
            if abs(number) >= scale:
                return f"{number / scale:.4g}{prefix} {unit}".rstrip()
    return f"{number:.4f} {unit}".rstrip()


def unit(goal: Objective | Requirement) -> str:
    found = objectives.find(goal.name)
    return found.unit if found else ""


def of(goal: Objective | Requirement, measures: dict[str, float]) -> str:
    """The measure of an objective or requirement, `-` where there is none."""
    number = measures.get(goal.label)
    return "-" if number is None else value(number, unit(goal))


def duration(seconds: float) -> str:
    """`1 h 05 min`, `3 min 20 s`, `12 s`."""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    if whole >= 60:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole} s"
