"""What no operator that ships needs yet: an output projection of its own, parameters
that a token does not use, a term for the loss. By an operator of the tests."""

import copy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from starc import compiler, operators, passes
from starc.ir.cost import costs
from starc.ir.show import as_json, as_table
from starc.reference import auxiliary_loss
from starc.reference.cases import cases_of
from starc.reference.mixing import mixing_of
from starc.reference.weights import random_weights
from starc.training import emitted as training
from starc.training.run import prepare
from starc.training.settings import Settings
from tests.emitted.architectures import MLP, again, beside, forms, model, use
from tests.emitted.comparison import answer, check, check_decoding
from tests.emitted.helpers import OPTIONAL, emit, relative
from tests.emitted.test_reset_parameters import starts
from tests.operators.experts.operator import Experts
from tests.reference.models import liv, seeded
from tests.reference.models import model as resolved
from tests.registry import registered

TEXT = """
model m { width = 32; vocab = 256; context = 64 }
featurizer experts { groups = [route, up] }
liv Experts {
  featurizer = experts; token = diagonal; nonlinear = silu; channel = dense
}
backbone {
  SA-1(heads = 2); e: Experts(experts = 4); SA-1(heads = 2); Experts same as e
}
"""
OP = Experts(width=16, hidden=12, experts=3)
"""Of width 16; its experts are 3 x 16 x 12 numbers, of which a token uses a third."""


@pytest.fixture(autouse=True, scope="module")
def experts() -> Iterator[None]:
    with registered("experts"):
        yield


def test_it_is_like_any_other_operator() -> None:
    assert operators.NAMES[-1] == "experts"
    cases = cases_of("experts")
    for op in cases.instances.values():
        weights = random_weights(resolved(liv("a", op)), seeded())
        p = {n: w for (at, n), w in weights.items() if at == "a"}
        f = {
            g.name: torch.randn(
                2, 9, g.channels, dtype=torch.float64, generator=seeded(i)
            )
            for i, g in enumerate(op.groups)
        }
        found = mixing_of(op.kind)(op, f, p, 1e-5).output()
        torch.testing.assert_close(found, cases.twin(op, f, p, 1e-5))


@pytest.mark.parametrize("form", forms(MLP))
def test_an_output_projection_of_its_own_equals_the_reference(form: str) -> None:
    for without in (frozenset[str](), OPTIONAL):
        made = emit(forms(OP)[form], without)
        expected = answer(made.ir, 11)
        check(made, expected)
        check_decoding(made, expected)


def test_it_starts_as_it_says() -> None:
    made = emit(model(use(OP)))
    torch.manual_seed(0)
    tensor = made.module.Model().state_dict()["experts_0.experts"]
    assert starts(OP.output[0].init.start, tensor)


TERMS = {
    "one": lambda: model(use(OP)),
    "twice": lambda: model(use(OP, "a"), again("a")),
    "branches": lambda: model(beside(use(OP), use(replace(OP, experts=5)))),
    "borrowed": lambda: model(use(OP, "a"), use(OP, route="a")),
}


@pytest.mark.parametrize("name", TERMS)
def test_the_terms_of_a_pass_equal_the_reference_once(name: str) -> None:
    made = emit(TERMS[name]())
    expected = answer(made.ir, 11)
    found: Any = made.model(expected.weights)
    wanted = auxiliary_loss(made.ir, expected.weights, expected.tokens)
    assert wanted > 0.25  # a balance of n experts is 1 at its least
    assert found.auxiliary_loss() == 0
    for _ in range(2):  # that of a pass that nobody asked about is gone
        found(expected.tokens)
    assert relative(found.auxiliary_loss(), wanted) < 1e-9
    assert found.auxiliary_loss() == 0
    copy.deepcopy(found)  # a graph that is still there could not be copied
    found.eval()(expected.tokens)
    assert found.auxiliary_loss() == 0


def test_models_without_terms_say_nothing_of_them() -> None:
    plain = "model m { width = 32 }\nbackbone { e: GMemless; GMemless same as e }"
    assert "auxiliary" not in compiler.compile(plain)
    assert training.auxiliary(nn.Linear(1, 1)) == 0.0


def test_gradients_of_the_terms_are_those_of_the_reference() -> None:
    made = emit(TERMS["twice"]())
    weights = random_weights(made.ir, seeded())
    tokens = torch.randint(23, (2, 11), generator=seeded())
    term = auxiliary_loss(made.ir, weights, tokens)
    wanted = torch.autograd.grad(term, list(weights.values()), materialize_grads=True)
    found: Any = made.model(weights)
    found(tokens)
    found.auxiliary_loss().backward()
    gradients = made.gradients(found)
    for key, gradient in zip(weights, wanted, strict=True):
        assert (gradients[key] - gradient).abs().max() < 1e-10, key
    assert gradients["a", "route.weight"].abs().max() > 1e-3


def test_training_follows_the_terms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loss of each step is that of its tokens; the update is made from both."""
    path = tmp_path / "model.py"
    path.write_text(compiler.compile(TEXT))
    (tmp_path / "data.txt").write_bytes(b"the quick brown fox jumps over the dog\n" * 9)
    settings = Settings(
        steps=5,
        batch=2,
        context=16,
        save=5,
        data=str(tmp_path / "data.txt"),
        device="cpu",
        dtype="float32",
    )
    run = prepare(path, settings)
    followed: list[Tensor] = []
    backward = torch.autograd.backward

    def keep(loss: Tensor) -> None:
        followed.append(loss.detach())
        backward(loss)

    monkeypatch.setattr(torch.autograd, "backward", keep)
    for _ in range(5):
        before = copy.deepcopy(run.model)
        loss = run.take_step()
        window = _window(run)
        logits = before(window[:, :-1])
        assert torch.allclose(
            loss, F.cross_entropy(logits.flatten(0, 1), window[:, 1:].flatten())
        )
        term = before.auxiliary_loss()
        assert term > 0.25 and torch.allclose(followed[-1], loss + term)
    assert run.validation_loss() < 6


def _window(run: Any) -> Tensor:
    """What the last step has read: it seeds torch by its number."""
    settings = run.settings
    torch.manual_seed((settings.seed * 0x9E3779B97F4A7C15 + run.step - 1) % 2**63)
    found: Tensor = run.text.batch(settings.batch, settings.context)
    return found


def test_active_parameters_are_told_where_they_differ() -> None:
    model = passes.run(compiler.to_ir(TEXT))
    total = costs(model, 64, 2).total
    idle = 4 * 32 * 12 * 3 // 4
    assert total.idle == idle and total.active == total.params - idle
    assert as_json(model, 64, "bf16")["active_params"] == total.active
    first = as_json(model, 64, "bf16")["layers"]
    assert [layer.get("active_params") is not None for layer in first] == [
        *(False, True, False, False)
    ]
    line = f"parameters that a token computes with: {total.active:,}\n"
    assert line in as_table(model, 64, "bf16")
    text = "model m { width = 32 }\nbackbone { GMemless }"
    plain = passes.run(compiler.to_ir(text))
    assert "computes with" not in as_table(plain, 64, "bf16")
    assert "active_params" not in str(as_json(plain, 64, "bf16"))


def test_flops_are_those_of_the_active_parameters() -> None:
    made = emit(model(use(OP)))
    found = costs(made.ir, 7, 2).total
    routed = 2 * 16 * (3 + 12) + 2 * 16 * 12
    assert found.prefill_flops == found.decode_flops == routed + 2 * 16 * 23
    assert found.params == sum(p.numel() for p in made.module.Model().parameters())


def test_a_compiled_graph_has_the_term() -> None:
    torch.manual_seed(0)
    made: Any = emit(compiler.to_ir(TEXT)).module.Model()
    compiled: Any = torch.compile(made, fullgraph=True, backend="aot_eager")
    tokens = torch.randint(256, (2, 9))
    made(tokens)
    wanted = made.auxiliary_loss()
    compiled(tokens)
    found = made.auxiliary_loss()
    assert torch.allclose(found, wanted) and found.requires_grad
