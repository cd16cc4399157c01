"""What the emitted file says of residuals: a class of layers for each that differs."""

from collections import Counter
from dataclasses import dataclass

from starc.backend.emission import number
from starc.ir.nodes import Again, Model
from starc.ir.residual import Norm, Residual

NORMS = {"rms": "nn.RMSNorm", "layer": "nn.LayerNorm"}


@dataclass(frozen=True)
class ResidualClass:
    """One class of layers: its name, its norms ("" where there is none), its sum.

    read: what the LIV is given, in x. result: the stream afterwards, in x and y.
    """

    name: str
    before: str
    after: str
    read: str
    result: str


def residual_classes(model: Model) -> dict[Residual, ResidualClass]:
    """Of each residual that a layer has; that of most layers is called `Layer`."""
    counts = Counter(
        layer.residual for layer in model.layers() if not isinstance(layer, Again)
    )
    found: dict[Residual, ResidualClass] = {}
    taken: set[str] = set()
    for residual, _ in counts.most_common():
        wanted = f"{residual.placement.capitalize()}Layer" if found else "Layer"
        name, count = wanted, 2
        while name in taken:
            name, count = f"{wanted}{count}", count + 1
        taken.add(name)
        found[residual] = _class(name, residual)
    return found


def _class(name: str, residual: Residual) -> ResidualClass:
    scale = "" if residual.scale == 1 else f"{number(residual.scale)} * "
    # a norm may answer in float32 under autocast
    y = "self.post_norm(y.type_as(x))" if residual.after else "y"
    return ResidualClass(
        name,
        _norm(residual.before),
        _norm(residual.after),
        "self.norm(x)" if residual.before else "x",
        f"x + {scale}{y}",
    )


def _norm(norm: Norm | None) -> str:
    return "" if norm is None else NORMS[norm.kind]


def formula(residual: Residual) -> str:
    """`x + post_norm(liv(norm(x)))`, as the docstring has it."""
    inner = "liv(norm(x))" if residual.before else "liv(x)"
    scale = "" if residual.scale == 1 else f"{number(residual.scale)} "
    norm = "post_norm" if residual.before else "norm"
    return f"x + {scale}" + (f"{norm}({inner})" if residual.after else inner)
