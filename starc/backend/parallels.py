"""Emitted classes of layers with several branches: parallel and differential LIVs."""

from collections.abc import Iterator

from starc.backend.code import LIMIT, Call, Expression, assigned, signature, statement
from starc.backend.emission import number
from starc.backend.mixers import MixerClass, Variant
from starc.backend.residuals import formula, module_type, scaled
from starc.backend.states import KEPT, state_class, state_name
from starc.ir.residual import BARE, Residual
from starc.values import dataclass


@dataclass(frozen=True)
class Branch:
    """One branch of a parallel: its attribute, its class, and what passes through.

    from_siblings: argument -> the variable or module inside that it is.
    returned: of variant.lent, what leaves the parallel.
    residual: what stands between the parallel and the branch alone.
    """

    stem: str
    sign: int
    mixer: MixerClass
    variant: Variant
    from_siblings: tuple[tuple[str, str], ...]
    returned: tuple[str, ...]
    residual: Residual = BARE

    @property
    def modules(self) -> dict[str, str]:
        """Attribute -> class of the branch, and of what stands around it."""
        around = {
            f"{self.stem}_{name}": module_type(self.residual, name)
            for name in self.residual.modules
        }
        return {self.stem: self.mixer.name, **around}

    @property
    def read(self) -> Expression:
        """What it is given of u, the input of the parallel."""
        u: Expression = "u"
        if self.residual.before is not None:
            u = Call(f"self.{self.stem}_norm", (u,))
        return scaled(self.residual, u, f"self.{self.stem}_input")

    def added(self, y: Expression) -> Expression:
        """What the parallel adds of its answer y."""
        residual = self.residual
        if residual.after is not None:
            y = Call(f"self.{self.stem}_post_norm", (Call(f"{y}.type_as", ("u",)),))
        if residual.learned_scale:
            y = Call(f"self.{self.stem}_scale", (y,))
        return y if residual.scale == 1 else f"{number(residual.scale)} * {y}"

    def argument(self, name: str) -> str:
        """The variable of the parallel's forward for an argument of the branch's."""
        return dict(self.from_siblings).get(name, f"{self.stem}_{name}")


def parallel_class(name: str, branches: tuple[Branch, ...]) -> MixerClass:
    """A module that gives one input to all branches and adds what they answer."""
    modules: dict[str, str] = {}
    for branch in branches:
        modules |= branch.modules
    terms = (f"{_sign(b)}{formula(b.residual, b.stem, 'u')}" for b in branches)
    said = "".join(terms)[3:]
    doc = f'    """{said}: the branches read one input."""'
    if len(doc) > LIMIT:
        doc = f'    """The sum of {len(branches)} branches, which read one input."""'
    lines = [
        f"class {name}(nn.Module):",
        doc,
        "",
        *signature(
            "__init__",
            ["self", *(f"{name}: {kind}" for name, kind in modules.items())],
        ),
        "        super().__init__()",
        *(f"        self.{name} = {name}" for name in modules),
        "",
        *_forward(name, branches),
    ]
    stateful = any(branch.mixer.has_state for branch in branches)
    states = tuple(_states(name, branches)) if stateful else ()
    return MixerClass(name, tuple(lines), (), stateful, state_lines=states)


def _states(name: str, branches: tuple[Branch, ...]) -> Iterator[str]:
    fields = tuple(
        (branch.stem, KEPT, Call("new", (f"mixer.{branch.stem}",)))
        for branch in branches
        if branch.mixer.has_state
    )
    return state_class(state_name(name), fields, (f"mixer: {name}",))


def _sign(branch: Branch) -> str:
    return " - " if branch.sign < 0 else " + "


def _forward(name: str, branches: tuple[Branch, ...]) -> Iterator[str]:
    parameters = ["self", "u: Tensor"]
    for branch in branches:
        types = dict(branch.variant.weights)
        parameters += [
            f"{branch.argument(given)}: {types.get(given, 'Tensor')}"
            for given in branch.variant.given
            if given not in dict(branch.from_siblings)
        ]
    if any(branch.mixer.has_state for branch in branches):
        parameters.append(f"state: {state_name(name)} | None = None")
    returned = [
        f"{branch.stem}_{value}" for branch in branches for value in branch.returned
    ]
    result = "tuple[Tensor, ...]" if returned else "Tensor"
    yield from signature("forward", parameters, result)
    calls = [_call(branch) for branch in branches]
    terms = [str(b.added(call)) for b, call in zip(branches, calls, strict=True)]
    together = f"        return {_sum(branches, terms)}"
    if len(together) <= LIMIT and not any(branch.variant.lent for branch in branches):
        yield together
        return
    for branch, call in zip(branches, calls, strict=True):
        lent = [f"{branch.stem}_{value}" for value in branch.variant.lent]
        yield from assigned([f"y_{branch.stem}", *lent], call)
    total = _sum(branches, [str(b.added(f"y_{b.stem}")) for b in branches])
    if len(f"        return {', '.join([total, *returned])}") <= LIMIT:
        yield f"        return {', '.join([total, *returned])}"
        return
    yield from _added(branches)
    yield from (
        statement("return ", Call("", ("y", *returned)))
        if returned
        else ["        return y"]
    )


def _call(branch: Branch) -> Call:
    arguments = [branch.read, *map(branch.argument, branch.variant.given)]
    if branch.mixer.has_state:
        arguments.append(f"state and state.{branch.stem}")
    return Call(f"self.{branch.stem}", tuple(arguments))


def _sum(branches: tuple[Branch, ...], terms: list[str]) -> str:
    signs = map(_sign, branches)
    return "".join(f"{sign}{t}" for sign, t in zip(signs, terms, strict=True))[3:]


def _added(branches: tuple[Branch, ...]) -> Iterator[str]:
    """`y = y_a`, then a term a line: for a sum that fits no line."""
    first = branches[0]
    yield f"        y = {first.added(f'y_{first.stem}')}"
    for branch in branches[1:]:
        yield f"        y = y{_sign(branch)}{branch.added(f'y_{branch.stem}')}"
