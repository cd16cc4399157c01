import torch
from torch import Tensor


def varlen_kernels_for(q: Tensor, v: Tensor, packed: Packed) -> bool:
    """Whether torch, and the GPU, have one launch for all packed sequences."""
    size, half = q.shape[-1], q.dtype in (torch.float16, torch.bfloat16)
    serves = half and size == v.shape[-1] and size % 8 == 0 and size <= 256
    if not q.is_cuda or not serves or any(past for _, _, past in packed.spans):
        return False
    try:
        from torch.nn.attention import varlen
    except ImportError:
        return False
    attend: Any = varlen.varlen_attn
    arguments: dict[str, Any] = attend.__annotations__
    return {"window_size", "enable_gqa"} <= arguments.keys()  # at first it had not


def varlen_attention(
    q: Tensor, k: Tensor, v: Tensor, packed: Packed, *window: int
) -> Tensor:
    """Softmax attention of all packed sequences in one launch, with no work across
    their borders."""
    from torch.nn.attention import varlen

    attend: Any = varlen.varlen_attn
    borders = packed.cu_seqlens.to(torch.int32)
    longest = max(stop - start for start, stop, _ in packed.spans)
    window_size = window[0] - 1 if window else -1, 0  # -1: all before
    q, k, v = (x[0].transpose(0, 1) for x in (q, k, v))  # (T, H, K)
    sizes = borders, borders, longest, longest
    y: Tensor = attend(q, k, v, *sizes, window_size=window_size, enable_gqa=True)
    return y.transpose(0, 1)[None]
