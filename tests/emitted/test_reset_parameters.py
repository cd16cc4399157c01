"""`reset_parameters` draws what `Model()` draws: for the model at once, as FSDP2 users
call it, and module by module, as FSDP and transformers do."""

import copy
import math
from functools import cache
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from starc.compiler import to_ir
from starc.ir.init import Decay, Even, InverseSoftplus, LogCount, LogUniform, Start
from starc.ir.nodes import Written
from starc.ir.tensors import parameters
from starc.source import Source
from tests.emitted.architectures import model, use
from tests.emitted.helpers import Emitted, emit
from tests.emitted.small import EXAMPLES, TEXTS, small
from tests.reference.operators import OPERATORS

CASES: dict[str, Written | str] = {
    **{f"operator {name}": model(use(op)) for name, op in OPERATORS.items()},
    **{f"text {name}": text for name, text in TEXTS.items()},
    **{f"example {path.stem}": small(path) for path in EXAMPLES},
}


@cache
def emitted(name: str) -> Emitted:
    case = CASES[name]
    return emit(to_ir(Source(name, case)) if isinstance(case, str) else case)


def on_meta(made: Emitted) -> Any:
    """Built without memory, then given some that holds no number."""
    with torch.device("meta"):
        built: Any = made.module.Model()
    built.to_empty(device="cpu")
    forget(built)
    return built


@torch.no_grad()
def forget(built: nn.Module) -> None:
    for tensor in built.state_dict().values():
        tensor.fill_(torch.nan)


def drawn(made: Emitted) -> dict[str, Tensor]:
    torch.manual_seed(5)
    found: dict[str, Tensor] = made.module.Model().state_dict()
    return found


def held(module: nn.Module) -> list[Tensor]:
    """What it holds itself: FSDP asks it to draw these."""
    return [*module.parameters(recurse=False), *module.buffers(recurse=False)]


def assert_same(found: nn.Module, expected: dict[str, Tensor]) -> None:
    state = found.state_dict()
    assert state.keys() == expected.keys()
    for key, tensor in expected.items():
        assert torch.isfinite(tensor).all(), key
        assert torch.equal(state[key], tensor), key


@pytest.mark.parametrize("name", CASES)
def test_reset_parameters_draws_what_the_constructor_draws(name: str) -> None:
    made = emitted(name)
    expected = drawn(made)
    built = on_meta(made)
    torch.manual_seed(5)
    built.reset_parameters()
    assert_same(built, expected)

    forget(built)
    torch.manual_seed(5)
    for module in built.modules():
        if module is not built and held(module):
            module.reset_parameters()
    assert_same(built, expected)


@pytest.mark.parametrize("name", TEXTS)
def test_a_copy_draws_into_itself(name: str) -> None:
    made = emitted(f"text {name}")
    first = made.module.Model()
    before = {key: tensor.clone() for key, tensor in first.state_dict().items()}
    other = copy.deepcopy(first)
    torch.manual_seed(5)
    for module in other.modules():
        if module is not other and held(module):
            module.reset_parameters()
    assert_same(first, before)
    assert_same(other, drawn(made))


def test_every_parameter_is_drawn_once_from_the_seed() -> None:
    """Two seeds differ in whatever is random; norms and the like stay constant."""
    made = emitted("text lfm2")
    one = drawn(made)
    torch.manual_seed(6)
    other = made.module.Model().state_dict()
    for key, tensor in one.items():
        assert torch.equal(tensor, other[key]) == bool((tensor == 1).all()), key


@pytest.mark.parametrize("name", OPERATORS)
def test_tensors_start_as_the_operator_says(name: str) -> None:
    """What `Parameter.init` says, which templates write out, holds of the numbers."""
    made = emitted(f"operator {name}")
    canonical = parameters(made.ir)
    for key, tensor in drawn(made).items():
        pieces = [canonical[piece] for piece in made.plan.weights[key]]
        parts = tensor.split([piece.shape[0] for piece in pieces])
        for piece, part in zip(pieces, parts, strict=True):
            assert starts(piece.init.start, part), (key, piece)


def starts(start: Start, tensor: Tensor) -> bool:
    """Whether the numbers can come from that rule: seeded, so always or never."""
    inputs = tensor.shape[-1]
    if start in ("zeros", "ones"):
        return bool((tensor == (start == "ones")).all())
    if start == "uniform":
        reached = tensor.abs().max() * math.sqrt(inputs)
        return bool(reached <= 1 and tensor.unique().numel() == tensor.numel())
    match start:
        case LogUniform(low, high):
            return within(tensor.exp(), low, high)
        case LogCount():
            count = torch.arange(1, inputs + 1).expand_as(tensor)
            return torch.allclose(tensor.exp(), count.to(tensor))
        case Even(low, high):
            evenly = torch.linspace(low, high, inputs).expand_as(tensor)
            return torch.allclose(tensor, evenly.to(tensor))
        case InverseSoftplus(low, high):
            return within(F.softplus(tensor), low, high)
        case Decay(low, high, power):
            return within((-power * F.softplus(tensor)).exp(), low, high)
    wanted = math.sqrt((0.4 if start == "linear" else 1.0) / inputs)
    wanted = 0.02 if start == "embedding" else wanted
    slack = 4 / math.sqrt(2 * tensor.numel())  # of a standard deviation so estimated
    spread = float(tensor.square().mean().sqrt()) / wanted
    return abs(spread - 1) < slack


def within(numbers: Tensor, low: float, high: float) -> bool:
    """All in [low, high), but for rounding, and none twice."""
    inside = (numbers > low * 0.9999) & (numbers < high * 1.0001)
    return bool(inside.all()) and numbers.unique().numel() == numbers.numel()
