"""torch.compile and torch.export take an emitted model whole.

The texts of `small` together have every operator and form of sharing. Backends that
only trace stand for the one that makes machine code, which would take minutes.
"""

from typing import Any

import pytest
import torch
import torch._dynamo
from torch._dynamo.testing import CompileCounterWithBackend

from starc import operators
from starc.compiler import to_ir
from starc.reference.cases import cases_of
from tests.emitted.helpers import emit
from tests.emitted.small import HEAD, SMALL, TEXTS, apart, fresh, gradients, tokens
from tests.sampled import sampled

LENGTH = 6
FEW = ("lfm2",)


@pytest.fixture(autouse=True)
def nothing_compiled() -> None:
    torch._dynamo.reset()


def trained_once(
    model: Any, compiled: object
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Logits, and gradients of their mean square."""
    logits = compiled(tokens(model, 2, LENGTH))  # type: ignore[operator]
    logits.square().mean().backward()
    found = gradients(model)
    model.zero_grad()
    return logits, found


def check_training(model: Any, compiled: object) -> None:
    logits, expected = trained_once(model, model)
    found_logits, found = trained_once(model, compiled)
    assert apart(found_logits, logits) < 1e-5
    assert found.keys() == expected.keys()
    assert max(apart(found[key], expected[key]) for key in found) < 2e-5


# Tracing takes seconds each: of each sweep `make test` takes a few, and the slow tests
# all. One graph, and with aot_eager that of its gradients too.
@pytest.mark.parametrize("backend", sampled(("eager", "aot_eager"), ("aot_eager",)))
@pytest.mark.parametrize("name", sampled(TEXTS, FEW))
def test_one_graph_forward_and_backward(backend: str, name: str) -> None:
    model = fresh(name)
    counter = CompileCounterWithBackend(backend)
    check_training(model, torch.compile(model, fullgraph=True, backend=counter))
    assert counter.frame_count == 1


@pytest.mark.slow
def test_inductor() -> None:
    text = """
model m { width = 32; vocab = 61; context = 64 }
backbone { GConv-1; SA-3(heads = 4, kv_heads = 2, qk_norm = true); GMemless }
"""
    model = emit(to_ir(text)).module.Model()
    check_training(model, torch.compile(model, fullgraph=True))


@pytest.mark.parametrize("name", sampled(TEXTS, ("star", "mlp")))
def test_decoding_is_a_graph_for_all_lengths(name: str) -> None:
    """The first token makes one, the second one for any length; windows and strides
    that happen to agree at some length may ask for one more."""
    model = fresh(name)
    counter = CompileCounterWithBackend("eager")
    compiled: Any = torch.compile(model, fullgraph=True, backend=counter)
    given = tokens(model, 2, 24)
    cache = model.new_cache(2, 24)
    with torch.no_grad():
        parts = [model(given[:, :8], cache)]
        parts += [compiled(one, cache) for one in given[:, 8:].split(1, dim=1)]
        assert apart(torch.cat(parts, 1), model(given)) < 1e-5
    assert counter.frame_count <= 3


EACH = [cases_of(kind).uses[0] for kind in operators.NAMES]
"""One operator each: a text with several takes a minute to trace."""
MORE = [liv for kind in operators.NAMES for liv in cases_of(kind).uses[1:2]]
QUICK = ("latent_attention", "linear_attention", "min_gru")
SWEPT = sampled((*EACH, *MORE, *SMALL), [cases_of(kind).uses[0] for kind in QUICK])


def swept(name: str) -> Any:
    if name in SMALL:
        return fresh(name)
    torch.manual_seed(0)
    text = f"model m {{ {HEAD} }}\nbackbone {{ {name} }}\n"
    return emit(to_ir(text)).module.Model()


@pytest.mark.parametrize("name", SWEPT)
def test_sizes_are_symbols(name: str) -> None:
    """One graph for any batch and any length; PyTorch itself makes one sequence, and
    one token, cases of their own."""
    model = swept(name)
    counter = CompileCounterWithBackend("eager")
    compiled: Any = torch.compile(model, fullgraph=True, dynamic=True, backend=counter)
    for batch, length in (2, 6), (2, 7), (3, 17), (2, 33), (4, 64), (2, 2), (3, 48):
        given = tokens(model, batch, length)
        assert apart(compiled(given), model(given)) < 1e-5
        if hasattr(model, "auxiliary_loss"):
            model.auxiliary_loss()  # as who trains takes it
    assert counter.frame_count == 1


@pytest.mark.parametrize("name", SWEPT)
def test_export(name: str) -> None:
    """One program for any batch and length. What comes back runs with gradients too,
    since parameters ask for them."""
    model = swept(name)
    batch, time = (torch.export.Dim(n, min=2, max=64) for n in ("batch", "time"))
    dynamic = ({0: batch, 1: time},)
    given = (tokens(model, 2, LENGTH),)
    program = torch.export.export(model, given, dynamic_shapes=dynamic)
    for shape in (2, LENGTH), (2, 2), (3, 17), (4, 64):
        other = tokens(model, *shape, seed=1)
        assert apart(program.module()(other), model(other)) < 1e-5
