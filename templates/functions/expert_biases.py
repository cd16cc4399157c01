import torch
import torch.nn.functional as F
from torch import Tensor


def expert_biases(bias: Tensor, ends: Tensor, rows: Tensor) -> Tensor:
    """That of its expert for each row; none for rows behind the last expert's."""
    row = torch.arange(rows.shape[0], device=rows.device)
    expert = torch.searchsorted(ends[: len(bias)], row, right=True)
    return F.pad(bias, (0, 0, 0, 1))[expert]
