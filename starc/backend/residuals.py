"""How the emitted file writes residuals: a line around each call, and a formula."""

from starc.backend.emission import number
from starc.ir.residual import Norm, Residual

NORMS = {"rms": "nn.RMSNorm", "layer": "nn.LayerNorm"}


def norm_call(norm: Norm) -> str:
    """The constructor's call; every norm of a model has the eps of its Config."""
    plain = "" if norm.weight else ", elementwise_affine=False"
    if norm.kind == "layer" and norm.weight and not norm.bias:
        plain = ", bias=False"
    return f"{NORMS[norm.kind]}(config.width, config.eps{plain})"


SCALE = "ChannelScale"
"""The class in `templates/functions/` of learned factors."""


def module_type(residual: Residual, name: str) -> str:
    """The class of one of its modules."""
    return NORMS[residual.norms[name].kind] if name in residual.norms else SCALE


def constructed(residual: Residual, path: str) -> dict[str, str]:
    """Name of each of its modules -> the constructor's line, below self.`path`."""
    calls = {name: norm_call(norm) for name, norm in residual.norms.items()}
    calls |= dict.fromkeys(residual.learned, f"{SCALE}(config)")
    return {n: f"        self.{path}_{n} = {call}" for n, call in calls.items()}


def added(residual: Residual, skip: str = "skip") -> str:
    """What stands before the layer's answer: `x + `, `x + 0.22 * `, `skip(x) + `."""
    scale = "" if residual.scale == 1 else f"{number(residual.scale)} * "
    factor = "" if residual.skip == 1 else f"{number(residual.skip)} * "
    stream = f"{skip}(x)" if residual.learned_skip else "x"
    return f"{factor}{stream} + {scale}"


def formula(residual: Residual) -> str:
    """`x + post_norm(f(norm(x)))`, as the docstring has it."""
    answer = "f(norm(x))" if residual.before else "f(x)"
    norm = "post_norm" if residual.before else "norm"
    answer = f"{norm}({answer})" if residual.after else answer
    return added(residual) + (f"scale({answer})" if residual.learned_scale else answer)
