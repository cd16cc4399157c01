"""Parameters, cache bytes and FLOPs: what is known, and what is counted."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from starc import passes
from starc.compiler import to_ir
from starc.ir.cost import Costs, costs
from tests.emitted.helpers import Emitted, emit
from tests.emitted.small import EXAMPLES, SMALL, emitted, fresh, tokens
from tests.sampled import sampled

ROOT = Path(__file__).parents[2]


@cache
def full(stem: str) -> tuple[Emitted, nn.Module]:
    """An example at its real size, without memory for its weights."""
    path = ROOT / "examples" / f"{stem}.star"
    found = emit(to_ir(path.read_text(), path.name))
    with torch.device("meta"):
        model: Any = found.module.Model()
    assert all(parameter.is_meta for parameter in model.parameters())
    return found, model


def parameters(model: Any) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("stem", "count"),
    [
        ("lfm2_350m", 354_483_968),
        ("lfm2_700m", 742_489_344),
        ("lfm2_1b", 1_170_340_608),
    ],
)
def test_lfm2_has_the_published_parameters(stem: str, count: int) -> None:
    assert parameters(full(stem)[1]) == count


@pytest.mark.parametrize(
    ("stem", "without_embeddings", "cache_bytes"),
    [
        ("transformer_pp_125m", 84.9e6, 150_994_944),
        ("transformer_pp_1b", 1.208e9, 805_306_368),
    ],
)
def test_transformer_of_the_paper(
    stem: str, without_embeddings: float, cache_bytes: int
) -> None:
    model = full(stem)[1]
    inside = parameters(model) - model.embedding.weight.numel()  # type: ignore[operator,union-attr]
    assert inside == pytest.approx(without_embeddings, rel=1e-3)
    kept = model.new_cache(1, 4096, device="meta", dtype=torch.bfloat16)  # type: ignore[operator]
    assert kept.nbytes == cache_bytes


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_static_costs_are_those_of_the_model(path: Path) -> None:
    found, model = full(path.stem)
    context = found.ir.context
    counted = costs(found.ir, context, 2)
    assert counted.total.params == parameters(model)
    kept = model.new_cache(1, context, dtype=torch.bfloat16)  # type: ignore[operator]
    assert counted.total.cache_bytes == kept.nbytes


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_optional_passes_keep_the_parameters_or_save_some(path: Path) -> None:
    """Where nothing is shared, the passes only move tensors together."""
    model = to_ir(path.read_text(), path.name)
    with_passes = passes.run(model)
    without = {step.name for step in passes.PIPELINE if not step.required}
    one, two = (count(m) for m in (with_passes, passes.run(model, without)))
    assert one.total.params <= two.total.params
    assert one.total.cache_bytes <= two.total.cache_bytes


def count(model: object) -> Costs:
    return costs(model, 128, 2)  # type: ignore[arg-type]


def flops(model: Any, *given: object) -> int:
    """What torch counts; attention by its math, since its CPU kernel is not counted."""
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), counter:
        model(*given)
    return counter.get_total_flops()


def computing_experts_only(model: Any) -> None:
    """No token chooses an expert that changes nothing: so costs count them."""
    for module in model.modules():
        if getattr(module, "zero", 0):
            module.balance[module.experts :] = -torch.inf


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("length", sampled((64, 130), (130,)))
def test_flops(name: str, length: int) -> None:
    """Prefill of `length` tokens and the one after `length` - 1 others."""
    model = fresh(name)
    computing_experts_only(model)
    total = costs(emitted(name).ir, length, 2).total
    given = tokens(model, 1, length)
    prefill = flops(model, given) / length
    assert total.prefill_flops == pytest.approx(prefill, rel=1e-2)
    kept = model.new_cache(1, length)
    with torch.no_grad():
        model(given[:, :-1], kept)
    assert total.decode_flops == pytest.approx(
        flops(model, given[:, -1:], kept), rel=1e-2
    )
