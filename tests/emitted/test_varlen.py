"""Packed attention in one launch, as torch has it on GPUs: here with a stand-in."""

from typing import Any
from unittest import mock

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import varlen

from starc.compiler import to_ir
from tests.emitted.cuda_graphs import OnGpu
from tests.emitted.helpers import emit
from tests.emitted.small import apart

MODULE = emit(
    to_ir("""
model m { width = 32; vocab = 61; context = 64 }
backbone { SA-3(heads = 4, kv_heads = 2); SA-1(heads = 2, window = 5) }
""")
).module
LENGTHS = (7, 0, 1, 9, 30)
CALLS: list[tuple[int, int]] = []


def standing_in(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    cu_seq_q: Tensor,
    cu_seq_k: Tensor | None,
    max_q: int,
    max_k: int,
    *,
    window_size: tuple[int, int] = (-1, -1),
    enable_gqa: bool = False,
) -> Tensor:
    """What torch says of its own, for a GPU: (T, H, K), a sequence after the other."""
    assert cu_seq_q.dtype == torch.int32 and cu_seq_k is cu_seq_q
    assert query.dtype == torch.bfloat16 and max_q == max_k == max(LENGTHS)
    CALLS.append(window_size)
    before, after = window_size
    assert after == 0
    parts = []
    borders = cu_seq_q.tolist()
    for start, stop in zip(borders[:-1], borders[1:], strict=True):
        q, k, v = (x[start:stop].transpose(0, 1) for x in (query, key, value))
        seen = torch.ones(stop - start, stop - start, dtype=torch.bool).tril()
        seen = seen if before < 0 else seen.triu(-before)
        y = F.scaled_dot_product_attention(q, k, v, seen, enable_gqa=enable_gqa)
        parts.append(y.transpose(0, 1))
    return torch.cat(parts)


def attended(heads: int, dtype: torch.dtype, *window: int, past: int = 0) -> Tensor:
    """Of the emitted functions, on tensors that say they are on a GPU."""
    random = torch.Generator().manual_seed(0)
    borders = [sum(LENGTHS[:n]) for n in range(len(LENGTHS) + 1)]
    packed = MODULE.pack(borders, [past] + [0] * (len(LENGTHS) - 1), "cpu")
    shapes = (4, borders[-1]), (heads, borders[-1] + past), (heads, borders[-1] + past)
    q, k, v = (torch.randn(1, *s, 16, generator=random).to(dtype) for s in shapes)
    q = q.as_subclass(OnGpu)
    name = "sliding_attention" if window else "causal_attention"
    found: Tensor = getattr(MODULE, name)(q, k, v, MODULE.State(packed=packed), *window)
    return found


@pytest.mark.parametrize("heads", [4, 2])
@pytest.mark.parametrize("window", [(), (5,)])
def test_one_launch_is_each_sequence_alone(heads: int, window: tuple[int, ...]) -> None:
    """Signature, layout, borders and window; that torch's own keeps to what it says has
    to be seen on a GPU."""
    CALLS.clear()
    expected = attended(heads, torch.float32, *window)
    with mock.patch.object(varlen, "varlen_attn", standing_in):
        found = attended(heads, torch.bfloat16, *window)
    assert CALLS == [(4, 0) if window else (-1, 0)]
    assert found.shape == expected.shape and apart(found, expected) < 0.02


def narrow(*given: Any, is_causal: bool = False) -> Tensor:
    """As torch first had it: no window, no groups."""
    raise AssertionError


def test_what_it_does_not_serve_goes_sequence_by_sequence() -> None:
    with mock.patch.object(varlen, "varlen_attn", narrow):
        attended(2, torch.bfloat16)  # an older torch
    with mock.patch.object(varlen, "varlen_attn", side_effect=AssertionError):
        attended(2, torch.float32)
        attended(2, torch.bfloat16, past=3)
