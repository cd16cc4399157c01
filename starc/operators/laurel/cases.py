"""Cases of augmented residuals."""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from starc.operators.laurel.operator import Laurel
from starc.reference.cases import WIDTH, Cases, Known


def _small(**options: Any) -> Laurel:
    return Laurel(width=WIDTH, rank=3, **options)


def twin(
    op: Laurel, f: Mapping[str, Tensor], p: Mapping[str, Tensor], eps: float
) -> Tensor:
    up = f["up"]
    return F.rms_norm(up, (WIDTH,), p["norm_weight"], eps) if op.normed else up


def known() -> Known:
    """Of two channels 3 and 4 the mean square is 12.5."""
    up = torch.tensor([[[3.0, 4.0], [-3.0, 4.0]]]).double()
    weight = torch.ones(2).double()
    op = Laurel(width=2, rank=1)
    return Known(op, {"up": up}, {"norm_weight": weight}, up / 12.5**0.5)


CASES = Cases(
    instances={"": _small(), "plain": _small(normed=False, bias=True)},
    shared=("",),
    twin=twin,
    known=known,
    uses=("LAuReL", "LAuReL(rank = 5, norm = false)"),
    resolved=(
        ("LAuReL", 2048, {"rank": 64, "normed": True}),
        ("LAuReL", 24, {"rank": 8}),
        ("LAuReL(rank = 4, norm = false)", 64, {"rank": 4, "normed": False}),
    ),
    realises=(
        (
            "groups = [up]; channel = latent(rank = 8) | "
            "token = diagonal; channel = dense",
            {"rank": 8},
        ),
    ),
)
