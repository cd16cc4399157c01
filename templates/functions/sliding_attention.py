import torch
import torch.nn.functional as F
from torch import Tensor


def sliding_attention(q: Tensor, k: Tensor, v: Tensor, window: int) -> Tensor:
    """Each of the T tokens of q (B, H, T, K) sees itself and the window - 1 before it.

    q are the last T of the S tokens of k, v (B, G, S, K).
    """
    groups, past = k.shape[1], k.shape[2] - q.shape[2]
    if q.shape[2] == 1:  # the heads of a group stand as its queries: k, v are read once
        grouped = q.view(q.shape[0], groups, -1, q.shape[3])
        return F.scaled_dot_product_attention(grouped, k, v).view_as(q)
    if past == 0 and q.shape[2] <= window:
        return F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
    seen = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool, device=q.device)
    mask = seen.tril(past).triu(past - window + 1)  # (T, S)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=True)
