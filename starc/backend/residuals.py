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


def added(residual: Residual) -> str:
    """What stands before the layer's answer: `x + `, or `x + 0.22 * `."""
    scale = "" if residual.scale == 1 else f"{number(residual.scale)} * "
    return f"x + {scale}"


def formula(residual: Residual) -> str:
    """`x + post_norm(f(norm(x)))`, as the docstring has it."""
    inner = "f(norm(x))" if residual.before else "f(x)"
    norm = "post_norm" if residual.before else "norm"
    return added(residual) + (f"{norm}({inner})" if residual.after else inner)
