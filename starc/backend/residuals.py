"""How the emitted file writes residuals: a line around each call, and a formula."""

from starc.backend.code import Call, Expression
from starc.backend.emission import number
from starc.ir.nodes import Liv, Parallel
from starc.ir.operator import Operator
from starc.ir.residual import INPUT, PLUS, Norm, Residual

NORMS = {"rms": "nn.RMSNorm", "layer": "nn.LayerNorm"}


ENTERED = "entered"
"""The variable of what entered the stream, where a later layer reads it."""

REST = "rest"
"""The variable of all streams but the first."""

EMBEDDING, EMBEDDINGS = "embedding", "embeddings"
"""Those of what one layer, or several, take from the embedding."""


def norm_call(norm: Norm, width: str = "config.width") -> str:
    """The constructor's call; every norm of a model has the eps of its Config."""
    plain = "" if norm.weight else ", elementwise_affine=False"
    if norm.kind == "layer" and norm.weight and not norm.bias:
        plain = ", bias=False"
    return f"{NORMS[norm.kind]}({width}, config.eps{plain})"


SCALE = "ChannelScale"
"""The class in `templates/functions/` of learned factors."""


def module_type(residual: Residual, name: str) -> str:
    """The class of one of its modules."""
    if name == PLUS:
        return "nn.Linear"
    return NORMS[residual.norms[name].kind] if name in residual.norms else SCALE


LORA, LOW_RANK = "lora", "LowRank"
"""The module of one use of a LIV, and its class in `templates/functions/`."""


def low_rank(operator: Operator) -> Call:
    """The constructor's call of what a use has of its own."""
    sizes = ", ".join(number(group.width) for group in operator.groups)
    how = read_width(operator.reads > 0), str(operator.lora), f"[{sizes}]"
    return Call(LOW_RANK, (*how, f"one={operator.lora_one}"))


def read_width(wide: bool) -> str:
    """Channels of what a LIV reads, as the constructor has them."""
    return "2 * config.width" if wide else "config.width"


def constructors(layer: Liv | Parallel) -> dict[str, str]:
    """Name of each module of its residual -> the call that makes it."""
    residual, read = layer.residual, read_width(layer.livs[0].operator.reads > 0)
    widths = {"norm": read if residual.before else "config.width", "input": read}
    calls = {
        n: norm_call(norm, widths.get(n, "config.width"))
        for n, norm in residual.norms.items()
    }
    for name in residual.learned:
        calls[name] = f"{SCALE}({widths.get(name, 'config.width')})"
    if residual.source == PLUS:
        calls[PLUS] = "nn.Linear(config.width, config.width, bias=False)"
    return calls


def constructed(layer: Liv | Parallel, path: str) -> dict[str, str]:
    """Name of each of these -> the constructor's line, below self.`path`."""
    calls = constructors(layer)
    return {n: f"        self.{path}_{n} = {call}" for n, call in calls.items()}


def times(factor: float) -> str:
    """`0.22 * `, or nothing where it changes nothing."""
    return "" if factor == 1 else f"{number(factor)} * "


def scaled(residual: Residual, u: Expression, module: str) -> Expression:
    """What a LIV reads, times its factors. module: of those that are learned."""
    u = Call(module, (u,)) if residual.learned_input else u
    return u if residual.input == 1 else f"{times(residual.input)}{u}"


def added(residual: Residual, skip: str = "skip", stream: str = "x") -> str:
    """What stands before the layer's answer: `x + `, `x + 0.22 * `, `skip(x) + `.

    stream: "" for a branch of a parallel, which adds to no stream: "" or `0.22 * `.
    """
    scale = times(residual.scale)
    if not stream:
        return scale
    factor = times(residual.skip)
    kept = f"{skip}({stream})" if residual.learned_skip else stream
    return f"{factor}{kept} + {scale}"


def formula(residual: Residual, f: str = "f", x: str = "x") -> str:
    """`x + post_norm(f(norm(x)))`, as the docstring has it; of a branch, called `f`
    and reading x = "u", what it adds."""
    x = f"norm({x})" if residual.stream else x
    u = {"": x, INPUT: "y", PLUS: f"{x} + {PLUS}(y)"}[residual.source]
    u = f"[{u}, {ENTERED}]" if residual.entered else u
    u = f"norm({u})" if residual.before else u
    u = f"input({u})" if residual.learned_input else u
    answer = f"{f}({times(residual.input)}{u})"
    norm = "post_norm" if residual.before else "norm"
    answer = f"{norm}({answer})" if residual.after else answer
    answer = f"scale({answer})" if residual.learned_scale else answer
    if residual.others:
        return added(residual, stream=REST) + answer
    return added(residual, stream="" if x == "u" or residual.aside else x) + answer
