import torch
import torch.nn.functional as F
from torch import Tensor


def entering(
    x: Tensor, i: Tensor, r: Tensor, decay: Tensor, h: Tensor | None, state: State
) -> Tensor | None:
    """The state (B, D) before x (B, T, D): h, but at the start of a sequence the one
    that makes its first state sigmoid(i) x, with no factor sqrt(1 - a^2).

    For h = a / (1 + s) i x with s = sqrt(1 - a^2), a h + s i x is i x.
    """
    length, packed = state.length, state.packed
    later = packed is None and not isinstance(length, Tensor) and length > 0
    if x.shape[1] == 0 or later:
        return h
    wide = torch.promote_types(x.dtype, torch.float32)
    if packed is None:
        x, i, r = (t[:, 0].to(wide) for t in (x, i, r))
    else:  # the first token of each sequence, or any where it has none
        places = [min(start, x.shape[1] - 1) for start, _, _ in packed.spans]
        x, i, r = (t[0, places].to(wide) for t in (x, i, r))
    log_a = -8 * F.softplus(decay.to(wide)) * r.sigmoid()
    # The slope of the root is bounded by 1000, as in the recurrence.
    s = (-torch.expm1(2 * log_a)).clamp(min=2.5e-7).sqrt()
    first = log_a.exp() / (1 + s) * i.sigmoid() * x
    if packed is not None:
        begins = [past == 0 and stop > start for start, stop, past in packed.spans]
        here = torch.tensor(begins, device=x.device)[:, None]
        return torch.where(here, first, torch.zeros_like(first) if h is None else h)
    if isinstance(length, Tensor) and h is not None:
        return torch.where(length.view(-1, 1) == 0, first, h)
    return first
