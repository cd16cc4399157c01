import torch
import torch.nn.functional as F
from torch import Tensor

from templates.functions.packed_attention import packed_attention
from templates.functions.varlen_attention import varlen_attention, varlen_kernels_for


def causal_attention(q: Tensor, k: Tensor, v: Tensor, state: State) -> Tensor:
    """Softmax attention of q (B, H, T, K) to the S tokens of k, v; q are the last T."""
    packed = state.packed
    if packed is not None:
        if varlen_kernels_for(q, v, packed):
            return varlen_attention(q, k, v, packed)
        return packed_attention(causal_attention, q, k, v, packed)
    if q.shape[2] == 1:  # the heads of a group stand as its queries: k, v are read once
        grouped = q.unflatten(1, (k.shape[1], q.shape[1] // k.shape[1])).squeeze(3)
        if isinstance(state.length, Tensor):  # behind it the buffer is empty
            seen = torch.arange(k.shape[2], device=k.device) <= state.length[:, None]
            mask = seen[:, None, None]  # (B or 1, 1, 1, S)
            y = F.scaled_dot_product_attention(grouped, k, v, mask)
            return y.view(*q.shape[:3], v.shape[3])
        y = F.scaled_dot_product_attention(grouped, k, v)
        return y.view(*q.shape[:3], v.shape[3])
    past = k.shape[2] - q.shape[2]
    if past == 0:
        return F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
    seen = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool, device=q.device)
    mask = seen.tril(past)  # (T, S)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=True)
