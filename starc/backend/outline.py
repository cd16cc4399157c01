"""`--emit plan`: what the emitted file will hold, for a person to read."""

from collections.abc import Iterable, Iterator
from textwrap import dedent, wrap

from starc.backend.plan import Plan


def outline(plan: Plan) -> str:
    """The plan part by part, in the order of the file, and what each tensor is."""
    return "\n".join(_lines(plan)) + "\n"


def _lines(plan: Plan) -> Iterator[str]:
    yield f"plan of {plan.model}"
    yield from _part("config", plan.config)
    yield from _part("model", _code([*plan.construct, *plan.forward]))
    for lines in plan.blocks:
        yield from _part(lines[0].removesuffix(":"), _code(lines[1:]))
    operators = []
    for made in plan.classes:
        kept = [
            f"{s.name} ({', '.join(s.shape)})" for s in made.state_fields if s.shape
        ]
        operators.append(f"{made.name}, keeps {', '.join(kept)}" if kept else made.name)
    yield from _part("operators", operators)
    yield from _part("functions", plan.functions)
    for name, parts in plan.kernel_parts.items():
        yield from _part(f"kernels/{name}.py", wrap(", ".join(parts), 84))
    tensors = []
    for key, pieces in plan.weights.items():
        owners = dict.fromkeys(label for label, _ in pieces)
        names = ", ".join(name for _, name in pieces)
        of = f" of {', '.join(owners)}" if any(owners) else ""
        tensors.append(f"{key} = {names}{of}")
    yield from _part("state dict", tensors)


def _part(title: str, lines: Iterable[str]) -> Iterator[str]:
    yield ""
    yield title
    yield from (f"  {line}".rstrip() for line in lines)


def _code(lines: Iterable[str]) -> list[str]:
    return dedent("\n".join(lines)).strip("\n").split("\n")
