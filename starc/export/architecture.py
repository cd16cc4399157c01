"""What of an architecture its exports ask for, besides the emitted file."""

from collections.abc import Iterator
from math import prod

from starc import compiler, passes
from starc.backend.plan import Plan
from starc.ir.nodes import Liv, Model
from starc.ir.operator import Operator, StateTensor
from starc.ir.tensors import parameters
from starc.source import Source
from starc.values import dataclass

_LONG = 1 << 30
"""Tokens: longer than any window."""


@dataclass(frozen=True)
class StateKind:
    """How the state of a LIV goes with the length, in transformers' words.

    window: tokens that it keeps, 0: all or none. shared: everything in it is another
    LIV's.
    """

    layer_type: str
    window: int = 0
    shared: bool = False


@dataclass(frozen=True)
class Architecture:
    """A source, its model after the passes, and the plan of its emitted file."""

    source: Source
    model: Model
    plan: Plan

    @classmethod
    def of(cls, source: Source) -> "Architecture":
        """Raises StarError."""
        model = passes.run(compiler.to_ir(source))
        return cls(source, model, compiler.plan_of(model, source.name))

    @property
    def name(self) -> str:
        """Of the model, as a name of Python's."""
        found = "".join(c if c.isalnum() or c == "_" else "_" for c in self.model.name)
        return found.lower() if found.isidentifier() else "model"

    def states(self) -> Iterator[StateKind]:
        """One for each LIV that decoding keeps something of, in order of depth."""
        for liv in self.mixers():
            yield _state_kind(liv)

    def mixers(self) -> Iterator[Liv]:
        """The LIVs that mix tokens, `same as` and branches of parallels too."""
        whole = self.model.whole()
        for layer in self.model.layers():
            for liv in whole[layer.label].livs:
                if liv.operator.all_state(1):
                    yield liv

    def float32(self) -> tuple[str, ...]:
        """Tensors that bfloat16 would round too far: rates of decay, sizes of steps,
        and what training moves without gradients."""
        found = {
            key[1]
            for key, parameter in parameters(self.model).items()
            if parameter.init.float32 or not parameter.trained
        }
        return tuple(sorted(found))

    def projections(self) -> tuple[str, ...]:
        """The last names of the modules whose weights are matrices, in file order."""
        shapes = {key: len(one) for key, one in self.shapes().items()}
        found = [
            key.split(".")[-2]
            for key in self.plan.weights
            if key.endswith(".weight") and shapes[key] == 2
        ]
        return tuple(dict.fromkeys(name for name in found if name not in _AROUND))

    def other_matrices(self) -> tuple[str, ...]:
        """The last names of what multiplies features and is no `nn.Linear`:
        filters, maps of an operator, experts side by side."""
        shapes = self.shapes()
        found = [
            key.removesuffix(".weight").split(".")[-1]
            for key in self.plan.weights
            if len(shapes[key]) > 1 + key.endswith(".weight")
        ]
        return tuple(dict.fromkeys(found))

    def label_of(self, path: str) -> str:
        """The LIV whose tensors a module of the emitted model holds; "" for none."""
        for key, pieces in self.plan.weights.items():
            if key.startswith(f"{path}.") and pieces[0][0] in self._labels:
                return pieces[0][0]
        return ""

    @property
    def _labels(self) -> set[str]:
        return {liv.label for liv in self.model.livs()}

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of every key of the emitted model's state dict."""
        pieces = {key: one.shape for key, one in parameters(self.model).items()}
        return {
            key: (sum(pieces[p][0] for p in made_of), *pieces[made_of[0]][1:])
            for key, made_of in self.plan.weights.items()
        }


_AROUND = ("embedding", "positions", "table", "head")
"""Modules of the model itself."""


def _state_kind(liv: Liv) -> StateKind:
    own = {f.group for f in liv.features if not f.borrowed}
    kept = [s for s in liv.operator.all_state(_LONG) if _is_kept(s, own)]
    grows, window = growth(liv.operator)
    fixed = [
        s
        for s, short in zip(
            liv.operator.all_state(_LONG), liv.operator.all_state(1), strict=True
        )
        if s.shape == short.shape and _is_kept(s, own)
    ]
    if grows:
        kind = ("hybrid" if fixed else "") + ("_sliding" if window and fixed else "")
        kind = kind or ("sliding_attention" if window else "full_attention")
    else:
        kind = "linear_attention" if any(s.float32 for s in fixed) else "conv"
    return StateKind(kind, window, shared=not kept)


def _is_kept(state: StateTensor, own: set[str]) -> bool:
    """Whether it is, where these groups are computed."""
    if state.of_input:
        return bool(own)
    return not state.group or state.group in own


def growth(operator: Operator) -> tuple[bool, int]:
    """Whether its state grows with the tokens, and up to how many; 0: without end."""
    sizes = [
        sum(prod(state.shape) for state in operator.all_state(length))
        for length in (1, _LONG // 2, _LONG)
    ]
    if sizes[0] == sizes[2]:
        return False, 0
    return True, getattr(operator, "window", 0) if sizes[1] == sizes[2] else 0
