"""What the emitted file says about an operator: its class, arguments, widths, state."""

from collections.abc import Set
from dataclasses import field, replace
from functools import cached_property, lru_cache

from starc import operators
from starc.ir.operator import Operator
from starc.ir.symbolic import Symbol, symbolic
from starc.values import dataclass


@dataclass(frozen=True)
class Argument:
    """A number of an operator: of the emitted Config where all LIVs agree on it,
    otherwise of the constructor of the emitted class.

    meaning: a few words for the comment in Config, "" where the name says it.
    """

    name: str
    type: str
    value: int | float
    meaning: str = ""

    def __str__(self) -> str:
        return f"{self.name}={number(self.value)}"


@dataclass(frozen=True)
class StateField:
    """A tensor of the emitted State: `shape` in terms of arguments, without the batch.

    `shape`: () for a number, which starts at 0.
    `group`: "" or the feature group that must be computed here for it to exist.
    `per_sequence`: False for a tensor that the whole batch shares.
    """

    name: str
    shape: tuple[str, ...]
    comment: str
    group: str = ""
    float32: bool = False
    per_sequence: bool = True


@dataclass(frozen=True)
class Emission:
    """An operator with its numbers, as the templates see it.

    summary: one line for the docstring of the file.
    configured: names of arguments that were moved to the Config.
    aliases: fields of the operator that are no arguments -> what they are called.
    state_words: tensors of the state -> the comment of each, shape first; a name that
        the operator's state has not is a number, which starts at 0.
    widths: channels of each feature group, as an expression of the arguments.
    stacks: of groups that are stacks of projections, (how many, channels of each).
    inner: channels that reach the output projection, likewise.
    states: the same of the state. tensors: shapes of its tensors, likewise. These five
        follow from the operator itself.
    counters: names of tensors that training counts in, with their shapes: they start at
        0 and are not saved.
    options: what distinguishes one emitted class of this kind from another.
    kernels, functions: files of `kernels/` and `templates/functions/` it calls.
    takes_product: its kernel splits the product of one projection itself.
    fused: what one of its kernels does in a launch, its lines leave to that kernel.
    graphs: a token is the same work at every length, as a CUDA graph asks.
    out_name: of the nn.Linear that writes to the stream; it starts smaller the deeper
        the model is. "": there is none. factor: what it gives is multiplied with.
    letters: the shape letters of its comments, for the legend of the file.
    """

    template: str
    class_name: str
    summary: str
    arguments: tuple[Argument, ...]
    aliases: dict[str, str] = field(default_factory=dict)
    counters: dict[str, str] = field(default_factory=dict)
    options: dict[str, bool | str] = field(default_factory=dict)
    state_words: dict[str, str] = field(default_factory=dict)
    widths: dict[str, str] = field(default_factory=dict)
    stacks: dict[str, tuple[str, ...]] = field(default_factory=dict)
    inner: str = ""
    states: tuple[StateField, ...] = ()
    tensors: dict[str, str] = field(default_factory=dict)
    kernels: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    letters: dict[str, str] = field(default_factory=dict)
    out_name: str = "out_proj"
    factor: str = ""
    takes_product: bool = False
    fused: bool = True
    graphs: bool = True
    configured: tuple[str, ...] = ()

    def with_config(self, names: Set[str]) -> "Emission":
        """With those arguments read from the Config."""
        return replace(
            self,
            configured=tuple(a.name for a in self.arguments if a.name in names),
            arguments=tuple(a for a in self.arguments if a.name not in names),
        )

    def written_out(self) -> "Emission":
        """With lines that say what a fused kernel computes, for a file without them."""
        return replace(self, takes_product=False, fused=False)

    @cached_property
    def structure(self) -> tuple[object, ...]:
        """Equal for operators that one emitted class serves."""
        names = tuple(argument.name for argument in self.arguments)
        options = tuple(self.options.items())
        shown = (self.template, self.class_name, self.fused)
        return (*shown, options, names, self.configured)


@lru_cache(maxsize=1024)
def emission(operator: Operator) -> Emission:
    """How the emitted file shows this operator; equal ones share what this returns."""
    found: Emission = operators.part(operator.kind, "emission").emission(operator)
    symbols = symbolic(operator, {"width": "config.width", **found.aliases})
    return replace(
        found,
        widths={group.name: str(group.width) for group in symbols.groups},
        stacks={
            group.name: tuple(
                map(str, symbols.projection_parameters(group)[0].shape[:2])
            )
            for group in symbols.groups
            if group.stack
        },
        inner=str(_read_back(symbols)),
        states=_states(symbols, found.state_words),
        tensors={
            parameter.name: ", ".join(map(str, parameter.shape))
            for parameter in (*symbols.parameters, *symbols.output)
        },
    )


def _read_back(symbols: Operator) -> int:
    """What the projection back to the stream reads; the operator's own lines may come
    between the mixing and it."""
    for parameter in symbols.output:
        if parameter.name == "out.weight":
            return parameter.shape[1]
    return symbols.inner


def _states(symbols: Operator, words: dict[str, str]) -> tuple[StateField, ...]:
    kept = {tensor.name: tensor for tensor in symbols.state(Symbol(1, "max_length"))}
    assert kept.keys() <= words.keys(), f"{symbols.kind}: state_words of {[*kept]}"
    return tuple(
        (
            StateField(
                name,
                tuple(map(str, kept[name].shape)),
                comment,
                kept[name].group,
                kept[name].float32,
                kept[name].per_sequence,
            )
            if name in kept
            else StateField(name, (), comment)
        )
        for name, comment in words.items()
    )


def number(value: int | float) -> str:
    """A number as a person writes it: 50_304, 1e6, 0.5."""
    if isinstance(value, int):
        return f"{value:_}" if abs(value) >= 10_000 else str(value)
    if value == int(value) and abs(value) < 1e15:
        whole = int(value)
        digits = str(whole).rstrip("0")
        zeros = len(str(whole)) - len(digits)
        if whole and zeros >= 4:
            return f"{digits}e{zeros}"
        return f"{whole:_}.0" if abs(whole) >= 10_000 else f"{whole}.0"
    return repr(value).replace("e-0", "e-")


def limits(limit: float, alpha: float, up_offset: float) -> list[Argument]:
    """Those of a gated unit that are not as usual: 0, 1 and 0."""
    found = []
    if limit:
        found.append(Argument("limit", "float", limit, "gate and up are cut here"))
    if alpha != 1:
        found.append(Argument("alpha", "float", alpha, "steepness of the gate"))
    if up_offset:
        found.append(Argument("up_offset", "float", up_offset))
    return found


def biases(operator: Operator) -> dict[str, bool | str]:
    """Options of every operator: which of its dense projections add a bias."""
    found: dict[str, bool | str] = {
        "bias": operator.bias,
        "out_bias": operator.out_bias,
    }
    if operator.bias_except:
        found["bias_except"] = operator.bias_except
    return found


def convolution(operator: Operator) -> tuple[Argument, ...]:
    """The taps of the featurizer's convolution, where it has one."""
    if not operator.kernel:
        return ()
    return (
        Argument("kernel", "int", operator.kernel, "taps of the short convolution"),
    )


def inner_width(operator: Operator) -> tuple[dict[str, str], tuple[Argument, ...]]:
    """Aliases and arguments for the inner width: the stream's where it is as wide."""
    if operator.inner == operator.width:
        return {"inner": "config.width"}, ()
    return {}, (Argument("inner", "int", operator.inner),)
