import torch
import torch.nn.functional as F
from torch import Tensor

from templates.functions.causal_attention import causal_attention
from templates.functions.packed_attention import packed_attention
from templates.functions.varlen_attention import varlen_attention, varlen_kernels_for


def sliding_attention(
    q: Tensor, k: Tensor, v: Tensor, state: State, window: int
) -> Tensor:
    """Each of the T tokens of q (B, H, T, K) sees itself and the window - 1 before it.

    q are the last T of the S tokens of k, v (B, G, S, K). Prompts longer than a window
    go block by block: the cost grows with T, not with its square.
    """
    packed = state.packed
    if packed is not None:
        if varlen_kernels_for(q, v, packed):
            return varlen_attention(q, k, v, packed, window)
        return packed_attention(sliding_attention, q, k, v, packed, window)
    batch, tokens, past = q.shape[0], q.shape[2], k.shape[2] - q.shape[2]
    if tokens == 1:
        return causal_attention(q, k, v, state)
    any_length = torch.compiler.is_compiling()  # one graph for all, in blocks
    if past == 0 and not any_length and tokens <= window:  # all are in the window
        return causal_attention(q, k, v, state)
    if not any_length and tokens <= window:
        seen = torch.ones(tokens, k.shape[2], dtype=torch.bool, device=q.device)
        mask = seen.tril(past).triu(past - window + 1)  # (T, S)
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=True)
    # One more for any length: a single block would be a case, and a graph, of its own.
    blocks = (tokens + (2 if any_length else 1) * window - 1) // window
    right = blocks * window - tokens
    # Blocks are rows of a batch: of more than four dimensions scores would be kept.
    q = F.pad(q, (0, 0, 0, right)).unflatten(2, (blocks, window))
    q = q.transpose(1, 2).flatten(0, 1)  # (B blocks, H, window, K)
    # Block n of k, v: the window before the queries of block n, and these themselves.
    k, v = (
        F.pad(x, (0, 0, window - past, right)).unflatten(2, (blocks + 1, window))
        for x in (k, v)
    )
    k, v = (
        torch.cat((x[:, :, :-1], x[:, :, 1:]), dim=3).transpose(1, 2).flatten(0, 1)
        for x in (k, v)
    )  # (B blocks, G, 2 window, K)
    query = torch.arange(window, device=q.device)[:, None]
    key = torch.arange(2 * window, device=q.device)
    mask = ((key > query) & (key <= query + window)).repeat(blocks, 1, 1)
    mask[0, :, : window - past] = False  # nothing stands before the first token
    mask = mask.repeat(batch, 1, 1)[:, None]
    y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=True)
    y = y.unflatten(0, (batch, blocks)).transpose(1, 2).flatten(2, 3)
    if any_length:  # that a slice fits, torch.export cannot prove
        return y.index_select(2, torch.arange(tokens, device=y.device))
    return y[:, :, :tokens]  # (B, H, T, K)
