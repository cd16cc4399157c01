"""Packed sequences and padded rows against each sequence alone."""

import copy
import sys
from collections.abc import Callable
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from tests.emitted.small import apart, gradients, tokens

LIMITS = {torch.float64: 1e-10, torch.float32: 1e-5}


def borders(lengths: tuple[int, ...], dtype: torch.dtype = torch.int32) -> Tensor:
    return torch.tensor([0, *accumulate(lengths)], dtype=dtype)


def check_packed(model: Any, lengths: tuple[int, ...]) -> None:
    """Logits and gradients of a packed row, against those of its sequences alone.

    In float32 both may be as far from float64 as those alone are at their worst: a norm
    of nearly nothing, as of one token's GLA, makes large errors of small ones. Terms
    that cancel, as of a gradient of few numbers, leave the rounding of each: errors are
    of the largest gradient's hundredth there, where the gradient itself is less.
    """
    given = tokens(model, 1, sum(lengths))
    random = torch.Generator().manual_seed(0)
    shape = (*given.shape, model.config.vocab)
    weight = torch.randn(shape, generator=random, dtype=torch.float64)
    dtype = model.embedding.weight.dtype

    def gradients_of(model: Any, logits: Tensor) -> dict[str, Tensor]:
        model.zero_grad()
        (logits * weight).sum().backward()
        return gradients(model)

    def alone(model: Any) -> dict[str, Tensor]:
        parts = [model(part) for part in given.split(lengths, dim=1)]
        logits = torch.cat(parts, dim=1)
        return {"logits": logits.detach()} | gradients_of(model, logits)

    wide = copy.deepcopy(model).double()
    expected = alone(model)
    limit, least = LIMITS[dtype], 0.0
    if dtype == torch.float32:
        exact = alone(wide)
        limit = max(limit, 2 * max(apart(v, exact[k]) for k, v in expected.items()))
        least = 0.01 * max(float(v.abs().max()) for v in expected.values())
    logits = model(given, cu_seqlens=borders(lengths))
    found = {"logits": logits.detach()} | gradients_of(model, logits)
    assert found.keys() == expected.keys()
    errors = {key: apart(found[key], value, least) for key, value in expected.items()}
    assert max(errors.values()) < limit, errors


def in_pieces(
    model: Any, cache: Any, rows: Tensor, pads: Tensor, chunks: tuple[int, ...]
) -> Tensor:
    """Logits of padded rows; each chunk is told its own part of the padding."""
    parts, done = [], 0
    for part in rows.split(chunks, dim=1):
        left = (pads - done).clamp(0, part.shape[1])
        parts.append(model(part, cache, pads=left if left.any() else None))
        done += part.shape[1]
    return torch.cat(parts, dim=1)


class Work(TorchDispatchMode):
    """Counts operations of matrix products, and numbers that any operation writes."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.flops = self.written = 0

    def __torch_dispatch__(
        self, operation: Any, types: Any, given: Any = (), named: Any = None
    ) -> Any:
        named = named or {}
        out = operation(*given, **named)
        counted = flop_registry.get(operation.overloadpacket)
        if counted is not None:
            self.flops += counted(*given, **named, out_val=out)
        if not operation.is_view:
            tensors = [t for t in tree_leaves(out) if isinstance(t, Tensor)]
            self.written += sum(tensor.numel() for tensor in tensors)
        return out


def work(run: Callable[[], Tensor]) -> Work:
    """Of both passes."""
    counted = Work()
    with counted:
        run().sum().backward()
    return counted


@torch.no_grad()
def check_padded(model: Any, pads: Tensor, chunks: tuple[int, ...]) -> None:
    """Rows with pads, in chunks, against each row's tokens alone in the same chunks:
    logits and what the cache keeps. What stands at the padding changes no bit.

    States may be float32 in a model of float64: then a bit may be rounded apart.
    """
    length, count = sum(chunks), len(pads)
    rows = tokens(model, count, length)
    limit = LIMITS[model.embedding.weight.dtype]
    cache = model.new_cache(count, length)
    logits = in_pieces(model, cache, rows, pads, chunks)
    other = torch.where(torch.arange(length) < pads[:, None], rows.flip(1), rows)
    again = in_pieces(model, model.new_cache(count, length), other, pads, chunks)
    assert torch.equal(again, logits)
    for row, pad in enumerate(pads.tolist()):
        assert not logits[row, :pad].any()
        own, done = model.new_cache(1, length), 0
        for chunk in chunks:
            first, done = max(pad, done), done + chunk
            if first < done:
                alone = model(rows[row : row + 1, first:done], own)
                assert apart(logits[row, first:done], alone[0]) < limit
        mine = kept(model, cache, row, length - pad, length - int(pads.min()))
        theirs = kept(model, own, 0, length - pad, length - pad)
        assert len(mine) == len(theirs)
        for one, two in zip(mine, theirs, strict=True):
            narrow = one.dtype != model.embedding.weight.dtype
            assert not one.numel() or apart(one, two) < (1e-6 if narrow else limit)


def kept(model: Any, cache: Any, row: int, length: int, end: int) -> list[Tensor]:
    """What a cache keeps of a row: of a buffer of tokens, where there are any.

    end: tokens of the longest row, which is where a long convolution lets all end.
    """
    if not cache.nbytes:
        return []
    leaves = sys.modules[type(model).__module__].leaves
    found = []
    for state in leaves(cache.states):
        for name, value in vars(state).items():
            if not isinstance(value, Tensor) or name in ("length", "filter"):
                continue
            if name in ("k", "v"):  # (B, G, S, K)
                found.append(value[row, :, :length])
            else:  # of u (B, S, D) the tokens
                tokens = slice(end - length, end) if name == "u" else slice(None)
                found.append(value[row, tokens])
    return found
