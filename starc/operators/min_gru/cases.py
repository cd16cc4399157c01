"""Cases of the minGRU; its twin keeps the state, token by token."""

from collections.abc import Mapping

import torch
from torch import Tensor

from starc.operators.min_gru.operator import MinGru
from starc.reference.cases import WIDTH, Cases, Known, ones
from starc.reference.kernel_cases import KernelCases


def twin(
    op: MinGru, f: Mapping[str, Tensor], p: Mapping[str, Tensor], eps: float
) -> Tensor:
    h = torch.zeros_like(f["x"][:, 0])
    rows = []
    for t in range(f["x"].shape[1]):
        h = torch.lerp(h, f["x"][:, t], f["gate"][:, t].sigmoid())
        rows.append(h)
    return torch.stack(rows, 1)


def known() -> Known:
    """A gate half open halves the distance."""
    return Known(
        MinGru(width=1, inner=1),
        {"gate": 0 * ones(1, 4, 1), "x": ones(1, 4, 1)},
        {},
        torch.tensor([[[1 / 2], [3 / 4], [7 / 8], [15 / 16]]]).double(),
    )


CASES = Cases(
    instances={
        "": MinGru(width=WIDTH, inner=WIDTH),
        "everything": MinGru(width=WIDTH, inner=12, kernel=3, bias=True, out_bias=True),
    },
    shared=("everything",),
    twin=twin,
    known=known,
    uses=("MinGRU", "MinGRU(kernel = 4, expand = 2)"),
    resolved=(
        ("MinGRU", 64, {"inner": 64, "kernel": 0}),
        ("MinGRU(expand = 2)", 64, {"inner": 128}),
    ),
    realises=(
        (
            "groups = [gate, x]; nonlinear = sigmoid | "
            "token = semi_separable; channel = diagonal",
            {"kernel": 0},
        ),
    ),
    kernel=KernelCases(
        name="min_gru",
        shapes=lambda b, t, c, n: [(b, t, c), (b, t, c), (b, c)],
        timed=(0, 1),
        state=2,
        twins="linear_recurrence",
        graph=4,
    ),
)
