"""Emitted classes of layers with several sides: parallel and differential LIVs."""

from collections.abc import Iterator

from starc.backend.code import LIMIT, Call, assigned, signature, statement
from starc.backend.mixers import MixerClass, Variant
from starc.backend.states import state_class, state_name
from starc.values import dataclass


@dataclass(frozen=True)
class Side:
    """One side of a parallel: its attribute, its class, and what passes through.

    from_siblings: argument -> the variable or module inside that it is.
    returned: of variant.lent, what leaves the parallel.
    """

    stem: str
    sign: int
    mixer: MixerClass
    variant: Variant
    from_siblings: tuple[tuple[str, str], ...]
    returned: tuple[str, ...]

    def argument(self, name: str) -> str:
        """The variable of the parallel's forward for an argument of the side's."""
        return dict(self.from_siblings).get(name, f"{self.stem}_{name}")


def parallel_class(name: str, sides: tuple[Side, ...]) -> MixerClass:
    """A module that gives one input to all sides and adds what they answer."""
    stems = [side.stem for side in sides]
    formula = "".join(f"{_sign(side)}{side.stem}(u)" for side in sides)[3:]
    lines = [
        f"class {name}(nn.Module):",
        f'    """{formula}: the sides read one input."""',
        "",
        *signature(
            "__init__", ["self", *(f"{side.stem}: {side.mixer.name}" for side in sides)]
        ),
        "        super().__init__()",
        *(f"        self.{stem} = {stem}" for stem in stems),
        "",
        *_forward(name, sides),
    ]
    stateful = any(side.mixer.has_state for side in sides)
    states = tuple(_states(name, sides)) if stateful else ()
    return MixerClass(name, tuple(lines), (), stateful, state_lines=states)


def _states(name: str, sides: tuple[Side, ...]) -> Iterator[str]:
    fields = tuple(
        (side.stem, "State", Call(f"sides.{side.stem}.new_state", ("*size",)))
        for side in sides
        if side.mixer.has_state
    )
    doc = f"What the sides of {name} keep."
    return state_class(state_name(name), doc, fields, (f"sides: {name}",))


def _sign(side: Side) -> str:
    return " - " if side.sign < 0 else " + "


def _forward(name: str, sides: tuple[Side, ...]) -> Iterator[str]:
    parameters = ["self", "u: Tensor"]
    for side in sides:
        types = dict(side.variant.weights)
        parameters += [
            f"{side.argument(given)}: {types.get(given, 'Tensor')}"
            for given in side.variant.given
            if given not in dict(side.from_siblings)
        ]
    if any(side.mixer.has_state for side in sides):
        parameters.append(f"state: {state_name(name)} | None = None")
    returned = [f"{side.stem}_{value}" for side in sides for value in side.returned]
    result = "tuple[Tensor, ...]" if returned else "Tensor"
    yield from signature("forward", parameters, result)
    calls = [_call(side) for side in sides]
    together = f"        return {_sum(sides, list(map(str, calls)))}"
    if len(together) <= LIMIT and not any(side.variant.lent for side in sides):
        yield together
        return
    for side, call in zip(sides, calls, strict=True):
        lent = [f"{side.stem}_{value}" for value in side.variant.lent]
        yield from assigned([f"y_{side.stem}", *lent], call)
    total = _sum(sides, [f"y_{side.stem}" for side in sides])
    if len(f"        return {', '.join([total, *returned])}") <= LIMIT:
        yield f"        return {', '.join([total, *returned])}"
        return
    yield from _added(sides)
    yield from (
        statement("return ", Call("", ("y", *returned)))
        if returned
        else ["        return y"]
    )


def _call(side: Side) -> Call:
    arguments = ["u", *map(side.argument, side.variant.given)]
    if side.mixer.has_state:
        arguments.append(f"state and state.{side.stem}")
    return Call(f"self.{side.stem}", tuple(arguments))


def _sum(sides: tuple[Side, ...], terms: list[str]) -> str:
    signs = map(_sign, sides)
    return "".join(f"{sign}{t}" for sign, t in zip(signs, terms, strict=True))[3:]


def _added(sides: tuple[Side, ...]) -> Iterator[str]:
    """`y = y_a`, then a term a line: for a sum that fits no line."""
    yield f"        y = y_{sides[0].stem}"
    for side in sides[1:]:
        yield f"        y = y{_sign(side)}y_{side.stem}"
