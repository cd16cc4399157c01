"""Emitted classes of layers with several sides: parallel and differential LIVs."""

from dataclasses import dataclass

from starc.backend.constructor import signature
from starc.backend.layout import broken
from starc.backend.mixers import NEW_STATE, MixerClass, Variant


@dataclass(frozen=True)
class Side:
    """One side of a parallel: its attribute, its class, and what passes through."""

    stem: str
    sign: int
    mixer: MixerClass
    variant: Variant
    from_siblings: tuple[tuple[str, str], ...]  # group, stem of the side that lends it
    returned: tuple[str, ...]  # of variant.lent, what leaves the parallel

    def argument(self, name: str) -> str:
        """The variable of the parallel's forward for an argument of the side's."""
        lender = dict(self.from_siblings).get(name)
        return f"{lender}_{name}" if lender else f"{self.stem}_{name}"


def given(sides: tuple[Side, ...]) -> list[tuple[str, str, str]]:
    """Arguments of the parallel's forward: (name, type, side's own name for it)."""
    found = []
    for side in sides:
        types = dict(side.variant.weights)
        for name in side.variant.given:
            if name not in dict(side.from_siblings):
                found.append((side.argument(name), types.get(name, "Tensor"), name))
    return found


def lent(sides: tuple[Side, ...]) -> list[tuple[str, str]]:
    """What the parallel returns after its output: (side's stem, value)."""
    return [(side.stem, value) for side in sides for value in side.returned]


def parallel_class(
    name: str, sides: tuple[Side, ...], fused: bool, bias: bool
) -> MixerClass:
    """A module that gives one input to all sides and adds what they answer."""
    stateful = [side.stem for side in sides if side.mixer.has_state]
    formula = "".join(
        f"{' - ' if side.sign < 0 else ' + '}{side.stem}(u)" for side in sides
    )[3:]
    together = ", multiplied at once" if fused else ""
    lines = [
        f"class {name}(nn.Module):",
        f'    """{formula}: the sides read one input{together}."""',
        "",
    ]
    parameters = ["self", *(["config: Config"] if fused else [])]
    parameters += [f"{side.stem}: {side.mixer.name}" for side in sides]
    lines += signature(f"def __init__({', '.join(parameters)}) -> None:")
    lines.append("        super().__init__()")
    stems = [side.stem for side in sides]
    targets = ", ".join(f"self.{stem}" for stem in stems)
    lines += broken(f"{targets} = {', '.join(stems)}", 8)
    if fused:
        sizes = ", ".join(f"{stem}.features" for stem in stems)
        lines += broken(f"self.sizes = [{sizes}]", 8)
        lines += broken(
            f"self.in_proj = nn.Linear(config.width, sum(self.sizes), bias={bias})", 8
        )
    lines += ["", *_forward(sides, fused, bool(stateful))]
    if stateful:
        pairs = [
            f'"{stem}": self.{stem}.new_state(batch, max_length, like)'
            for stem in stateful
        ]
        lines += [
            "",
            *signature(NEW_STATE),
            "        sides = {",
            *[f"            {pair}," for pair in pairs],
            "        }",
            "        return State(sides=sides)",
        ]
    return MixerClass(name, tuple(lines), (), fused, bool(stateful))


def _forward(sides: tuple[Side, ...], fused: bool, stateful: bool) -> list[str]:
    extra = [f"{name}: {kind}" for name, kind, _ in given(sides)]
    state = ["state: State | None = None"] if stateful else []
    returned = lent(sides)
    result = "tuple[Tensor, ...]" if returned else "Tensor"
    parameters = ", ".join(["self", "u: Tensor", *extra, *state])
    lines = signature(f"def forward({parameters}) -> {result}:")
    if stateful:
        lines.append("        states = {} if state is None else state.sides")
    if fused:
        parts = ", ".join(f"for_{side.stem}" for side in sides)
        lines += broken(f"{parts} = self.in_proj(u).split(self.sizes, dim=-1)", 8)
    terms = []
    for side in sides:
        arguments = [f"for_{side.stem}" if fused else "u"]
        arguments += [side.argument(name) for name in side.variant.given]
        if side.mixer.has_state:
            arguments.append(f'states.get("{side.stem}")')
        call = f"self.{side.stem}({', '.join(arguments)})"
        if side.variant.lent:
            names = [f"{side.stem}_{value}" for value in side.variant.lent]
            targets = ", ".join([f"y_{side.stem}", *names])
            lines += broken(f"{targets} = {call}", 8)
            call = f"y_{side.stem}"
        terms.append((side.sign, call))
    short = "".join(f"{' - ' if sign < 0 else ' + '}{call}" for sign, call in terms)[3:]
    output = [f"{stem}_{value}" for stem, value in returned]
    if len(f"        return {short}") <= 88 and not output:
        return [*lines, f"        return {short}"]
    for index, (sign, call) in enumerate(terms):
        operation = "=" if not index else "-=" if sign < 0 else "+="
        operation = operation if not index else f"= y {operation[0]}"
        lines += broken(f"y {operation} {call}", 8)
    return [*lines, f"        return {', '.join(['y', *output])}"]
