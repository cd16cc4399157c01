"""The static costs are those of the emitted model: parameters, cache, FLOPs."""

from itertools import cycle

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from starc.ir.cost import costs
from starc.ir.nodes import Model
from tests.emitted.architectures import ARCHITECTURES, hybrids, plain, streams
from tests.emitted.architectures import settings as model_settings
from tests.emitted.helpers import OPTIONAL, emit
from tests.reference.operators import SHARED as INSTANCES

CONTEXT = 70
"""More than a chunk of every kernel, and no multiple of one."""

FORMS = (
    *("weights", "both", "features", "again-of-borrower", "branch-lends"),
    *("diff-again", "from-again", "loop-of-one-owner"),
)
SHARED = [f"{name}-{form}" for name, form in zip(INSTANCES, cycle(FORMS), strict=False)]
"""Each form with one operator or two, and each operator that shares in one form."""

NAMES = [*plain(), *model_settings(), *hybrids(), *streams(), *SHARED]


def tokens(length: int) -> torch.Tensor:
    return torch.zeros(1, length, dtype=torch.int64)


def flops(model: torch.nn.Module, *arguments: object) -> int:
    """What torch counts. Attention by its math: its CPU kernel is not counted at all,
    while the kernels of a GPU are counted as this is, causal or not."""
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), counter:
        model(*arguments)
    return int(counter.get_total_flops())


@pytest.mark.parametrize("name", NAMES)
def test_costs_of_the_emitted_model(name: str) -> None:
    check(name, frozenset())


@pytest.mark.parametrize("name", [*SHARED, "star", "two-owners"])
def test_costs_without_passes(name: str) -> None:
    check(name, OPTIONAL)


def check(name: str, without: frozenset[str]) -> None:
    emitted = emit(ARCHITECTURES[name], without)
    found = costs(emitted.ir, CONTEXT, 2)
    total = found.total
    model = emitted.module.Model().requires_grad_(False)
    assert total.params == sum(p.numel() for p in model.parameters())
    outside = model.embedding.weight.numel()
    outside += model.positions.weight.numel() if emitted.ir.learned_positions else 0
    outside += 0 if emitted.ir.tied else model.head.weight.numel()
    assert found.params_without_embeddings == total.params - outside
    cache = model.new_cache(1, CONTEXT, dtype=torch.bfloat16)
    assert total.cache_bytes == cache.nbytes
    cache = model.new_cache(1, CONTEXT)
    prefill = flops(model, tokens(CONTEXT)) / CONTEXT
    alike = at_most if may_be_less(emitted.ir) else about
    assert alike(prefill, total.prefill_flops)
    with torch.no_grad():
        model(tokens(CONTEXT - 1), cache)
    decode = flops(model, tokens(1), cache)
    assert alike(decode, total.decode_flops)


def may_be_less(ir: Model) -> bool:
    """Experts that change nothing are counted as if no token took one."""
    return any(getattr(liv.operator, "zero", 0) for liv in ir.livs())


def about(found: float, said: float) -> bool:
    return said == pytest.approx(found, rel=1e-2)


def at_most(found: float, said: float) -> bool:
    return found <= 1.01 * said
