import torch
from torch import Tensor


def absorbed_attention(
    q: Tensor, k: Tensor, v: Tensor, weight: Tensor, state: State, scale: float
) -> Tensor:
    """Latent attention of one token, q (B, H, 1, K), to the latents v (B, S, R).

    weight (H, N + V, R) would make keys and values of each; instead the query goes
    through the keys' part of it to a latent, and what is read comes through the values'
    part to (B, H, 1, V). k (B, S, P): what the keys of all heads have in common.
    """
    own = q.shape[-1] - k.shape[-1]
    to_keys, to_values = weight[:, :own], weight[:, own:]
    asked = torch.einsum("bhn,hnr->bhr", q[:, :, 0, :own], to_keys)
    scores = scale * (asked @ v.mT + q[:, :, 0, own:] @ k.mT)  # (B, H, S)
    if isinstance(state.length, Tensor):  # behind it the buffer is empty
        seen = torch.arange(k.shape[1], device=k.device) <= state.length[:, None]
        scores = scores.masked_fill(~seen[:, None], float("-inf"))
    read = scores.softmax(dim=-1) @ v  # (B, H, R)
    return torch.einsum("bhr,hvr->bhv", read, to_values)[:, :, None]
