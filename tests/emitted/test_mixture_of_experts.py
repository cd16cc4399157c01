"""Mixtures of experts: transformers' own, what is said of hard cases, the balance."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode
from transformers import DeepseekV3Config, LongcatFlashConfig, Qwen3MoeConfig
from transformers.models.deepseek_v3.modeling_deepseek_v3 import DeepseekV3MoE
from transformers.models.longcat_flash.modeling_longcat_flash import LongcatFlashMoE
from transformers.models.qwen3_moe.modeling_qwen3_moe import Qwen3MoeSparseMoeBlock

from starc.compiler import to_ir
from tests.emitted.helpers import emit

WIDTH, HIDDEN, EXPERTS, TOP = 32, 12, 8, 3


def mixture(options: str = "", experts: int = EXPERTS, top: int = TOP) -> Any:
    """The emitted class with random weights in float64."""
    sizes = f"experts = {experts}, top = {top}, hidden = {HIDDEN}"
    text = f"model m {{ width = {WIDTH} }}\nbackbone {{ MoE({sizes}{options}) }}"
    torch.manual_seed(1)
    model: Any = emit(to_ir(text)).module.Model().double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(
                torch.randn_like(parameter) / math.sqrt(parameter.shape[-1])
            )
    return model.moe_0


def inputs(length: int = 11) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, length, WIDTH, dtype=torch.float64, generator=generator)


def give(ours: Any, router: Any, experts: Any) -> None:
    """Our weights to a module of transformers."""
    with torch.no_grad():
        router.weight.copy_(ours.router_proj.weight)
        gate_up = torch.cat((ours.gate_proj.weight, ours.up_proj.weight), 1)
        experts.gate_up_proj.copy_(gate_up)
        experts.down_proj.copy_(ours.down_proj.weight)


@pytest.mark.parametrize("normalised", [True, False])
def test_softmax_scores_equal_those_of_qwen3_moe(normalised: bool) -> None:
    ours = mixture(f", balance = none, normalised = {str(normalised).lower()}")
    made: Any = Qwen3MoeConfig
    config = made(
        hidden_size=WIDTH,
        moe_intermediate_size=HIDDEN,
        num_experts=EXPERTS,
        num_experts_per_tok=TOP,
        norm_topk_prob=normalised,
        experts_implementation="eager",
    )
    theirs: Any = Qwen3MoeSparseMoeBlock(config).double()
    give(ours, theirs.gate, theirs.experts)
    torch.testing.assert_close(ours(inputs()), theirs(inputs()), rtol=1e-6, atol=1e-7)


def test_experts_that_change_nothing_equal_those_of_longcat_flash() -> None:
    ours = mixture(", normalised = false, scale = 1.5, zero = 4")
    made: Any = LongcatFlashConfig
    config = made(
        hidden_size=WIDTH,
        expert_ffn_hidden_size=HIDDEN,
        n_routed_experts=EXPERTS,
        zero_expert_num=4,
        moe_topk=TOP,
        routed_scaling_factor=1.5,
        hidden_act="silu",
        experts_implementation="eager",
    )
    theirs: Any = LongcatFlashMoE(config).double()
    gate_up = torch.cat((ours.gate_proj.weight, ours.up_proj.weight), 1)
    bias = torch.randn(EXPERTS + 4, generator=torch.Generator().manual_seed(3)) / 20
    with torch.no_grad():
        theirs.router.classifier.weight.copy_(ours.router_proj.weight)
        theirs.experts.gate_up_proj[:EXPERTS].copy_(gate_up)
        theirs.experts.down_proj.copy_(ours.down_proj.weight)
        ours.balance.copy_(bias)
        theirs.router.e_score_correction_bias.copy_(bias)
    torch.testing.assert_close(ours(inputs()), theirs(inputs()), rtol=1e-5, atol=1e-6)
    ours.train()(inputs())
    assert ours.load[:EXPERTS].any() and ours.load[EXPERTS:].any()


@pytest.mark.parametrize("groups, keep", [(1, 1), (4, 2)])
def test_sigmoid_scores_equal_those_of_deepseek_v3(groups: int, keep: int) -> None:
    ours = mixture(f", scores = sigmoid, scale = 2.5, groups = {groups}, keep = {keep}")
    made: Any = DeepseekV3Config
    config = made(
        hidden_size=WIDTH,
        moe_intermediate_size=HIDDEN,
        n_routed_experts=EXPERTS,
        num_experts_per_tok=TOP,
        n_group=groups,
        topk_group=keep,
        routed_scaling_factor=2.5,
        norm_topk_prob=True,
        experts_implementation="eager",
    )
    theirs: Any = DeepseekV3MoE(config).double()
    give(ours, theirs.gate, theirs.experts)
    bias = torch.randn(EXPERTS, generator=torch.Generator().manual_seed(3)) / 4
    with torch.no_grad():
        ours.balance.copy_(bias)
        theirs.gate.e_score_correction_bias.copy_(bias)
        for parameter in theirs.shared_experts.parameters():
            parameter.zero_()
    torch.testing.assert_close(ours(inputs()), theirs(inputs()), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    "options",
    [
        "",
        ", scores = sigmoid, groups = 4, keep = 2",
        ", near = 0.5, balance = none, limit = 2, bias = true, out_bias = true",
        ", latent = 8",
    ],
)
def test_a_token_without_numbers_touches_no_other(options: str) -> None:
    ours, x = mixture(options), inputs()
    clean = ours(x)
    x[0, 3] = torch.nan
    y = ours(x)
    assert y[0, 3].isnan().all()
    y[0, 3] = clean[0, 3]
    torch.testing.assert_close(y, clean, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "options",
    [
        *("", ", groups = 4, keep = 2", ", near = 0.5, balance = none", ", zero = 3"),
        *(", scores = sigmoid", ", scores = sigmoid, groups = 4, keep = 2, zero = 4"),
    ],
)
def test_a_token_that_masks_every_expert(options: str) -> None:
    """No number by softmax, nothing by sigmoid; other tokens are as they were."""
    ours, x = mixture(options + ", router_bias = true"), inputs()
    clean = ours(x)
    hook = ours.router_proj.register_forward_hook(masked)
    y = ours(x)
    hook.remove()
    masked_one = y[0, 3].clone()
    y[0, 3] = clean[0, 3]
    torch.testing.assert_close(y, clean, rtol=1e-12, atol=1e-12)
    if "sigmoid" in options:
        assert torch.equal(masked_one, torch.zeros(WIDTH).double())
    else:
        assert masked_one.isnan().all()


@pytest.mark.parametrize("options", ["", ", scores = sigmoid", ", near = 0.5"])
def test_a_token_that_masks_all_but_one_expert(options: str) -> None:
    """That one alone; by `near`, which needs as many as are chosen, no number."""
    ours, x = mixture(options + ", balance = none, router_bias = true"), inputs()
    alone = torch.full((EXPERTS,), -torch.inf).double()
    alone[2] = 1.5
    ours.router_proj.register_forward_hook(lambda _m, _x, y: 0 * y + alone)
    one = mixture(", balance = none", experts=1, top=1)
    for name in "gate_proj", "up_proj", "down_proj":
        getattr(one, name).weight.data = getattr(ours, name).weight.data[2:3]
    if "near" in options:
        assert ours(x).isnan().all()
    else:
        torch.testing.assert_close(ours(x), one(x))


def masked(module: Any, read: Any, router: Tensor) -> Tensor:
    router = router.clone()
    router[0, 3] = -torch.inf
    return router


@pytest.mark.parametrize(
    "options",
    [
        "",
        ", scores = sigmoid",
        ", near = 0.5",
        ", scores = sigmoid, groups = 4, keep = 2",
    ],
)
def test_equal_numbers_of_the_router_choose_as_many(options: str) -> None:
    """Which of them is not said; how many, and what they weigh together, is."""
    options += ", balance = none"
    ours, x = mixture(options), inputs()
    with torch.no_grad():
        ours.router_proj.weight.zero_()
        for experts in ours.gate_proj, ours.up_proj, ours.down_proj:
            experts.weight.copy_(experts.weight[:1].expand_as(experts.weight))
    one = mixture(", balance = none", experts=1, top=1)
    for name in "gate_proj", "up_proj", "down_proj":
        getattr(one, name).weight.data = getattr(ours, name).weight.data[:1]
    ours.train()(x)
    assert ours.load.sum() == TOP * x.shape[0] * x.shape[1]
    torch.testing.assert_close(ours(x), one(x))


@pytest.mark.parametrize(
    "options", ["", ", limit = 2, bias = true, out_bias = true", ", latent = 8"]
)
def test_one_token_reads_its_own_experts_only(options: str) -> None:
    """Numbers of others that are none would show; what is multiplied is counted."""
    ours, x = mixture(options), inputs(1)[:1]
    clean = ours.eval()(x)
    ours.train()(x)
    ours.eval()
    assert int(ours.load.sum()) == TOP
    with torch.no_grad():
        for name, parameter in ours.named_parameters():
            if parameter.shape[0] == EXPERTS and not name.startswith("router"):
                parameter[ours.load == 0] = torch.nan
    torch.testing.assert_close(ours(x), clean, rtol=1e-12, atol=1e-12)
    with FlopCounterMode(display=False) as counter:
        ours(x)
    read, width = TOP * HIDDEN * 3, 8 if "latent" in options else WIDTH
    around = EXPERTS * WIDTH + (2 * 8 * WIDTH if width == 8 else 0)
    around += TOP * WIDTH if "bias" in options else 0  # the sum of the chosen biases
    assert counter.get_total_flops() == 2 * (read * width + around)


def test_scores_that_are_all_nothing_are_no_division_by_it() -> None:
    """float32 has no smaller sigmoid than 1e-38 or so."""
    ours = mixture(", scores = sigmoid").float()
    with torch.no_grad():
        ours.router_proj.weight.fill_(-1e4)
    assert ours(inputs().float().abs()).isfinite().all()


def test_training_moves_the_bias_towards_experts_with_few_tokens() -> None:
    text = f"model m {{ width = {WIDTH} }}\nbackbone {{ 2 x {{ MoE }} }}"
    torch.manual_seed(0)
    model: Any = emit(to_ir(text)).module.Model()
    tokens = torch.randint(256, (4, 32))
    model.eval()(tokens)
    mixtures = [m for m in model.modules() if hasattr(m, "balance")]
    assert len(mixtures) == 2 and not any(m.load.any() for m in mixtures)
    model.train()
    for _ in range(2):
        model(tokens)
    loads = [m.load.clone() for m in mixtures]
    assert all(load.sum() == 2 * 2 * tokens.numel() for load in loads)
    model.balance_experts(0.25)
    for m, load in zip(mixtures, loads, strict=True):
        assert torch.equal(m.balance, 0.25 * (load.float().mean() - load).sign())
        assert not m.load.any()


def test_the_bias_makes_the_load_more_even() -> None:
    """A router that prefers one expert, balanced for 60 steps without any training."""
    ours, x = mixture(experts=4, top=1), inputs(40)
    with torch.no_grad():
        ours.router_proj.weight[0] += 0.1 * x.mean((0, 1))
        ours.router_proj.weight *= 0.1

    def busiest() -> float:
        ours.load.zero_()
        ours(x)
        return float(ours.load.max() / ours.load.double().mean())

    before = busiest()
    for _ in range(200):
        load = ours.load.double()
        ours.balance += 1e-3 * (load.mean() - load).sign()
        after = busiest()
    assert after < 1.2 < before
