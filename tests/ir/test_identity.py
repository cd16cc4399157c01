"""Equal structures are equal functions, and different ones are not."""

from itertools import combinations
from random import Random

import pytest
import torch
from hypothesis import given, settings

from starc import passes
from starc.choices import OPTIONAL_PASSES
from starc.compiler import to_ir
from starc.frontend.unparse import unparse
from starc.genome import decode, random_genome
from starc.ir.identity import Structure, structure
from starc.ir.nodes import Model, Written
from starc.reference import execute, random_weights
from tests.ir.ir_models import models

HEAD = "width = 16; vocab = 11; context = 16"


def model(body: str, more: str = "", before: str = "") -> Model:
    text = f"model m {{ {HEAD}; {more} }}\n{before}\nbackbone {{ {body} }}\n"
    return passes.run(to_ir(text))


def of(body: str, more: str = "", before: str = "") -> Structure:
    return structure(model(body, more, before))


EQUAL = {
    "labels": ("a: SA-1; SA-1 weights from a", "attn: SA-1; b: SA-1 weights from attn"),
    "labels of branches": (
        "d: SA-1-Diff; SA-1-Diff k from d; e: SA-1-Diff same as d; SA-1-Diff v from e",
        "x: SA-1-Diff; SA-1-Diff k from x; z: SA-1-Diff same as x; SA-1-Diff v from z",
    ),
    "loops": (
        "3 x { a: GConv-1; GMemless }",
        "2 x { GConv-1; mlp: GMemless }; GConv-1; GMemless",
    ),
    "aliases": ("mine; GMemless", "SA-1(heads = 2); GLU"),
    "defaults that are said": ("SA-1(placement = pre)", "SA-1(residual_scale = 1)"),
    "owners at the end of a chain": (
        "a: SA-1; b: SA-1 weights from a; SA-1 weights from b",
        "a: SA-1; b: SA-1 weights from a; SA-1 weights from a",
    ),
    "a parallel of one": ("parallel { SA-1 }; GMemless", "SA-1; GMemless"),
}
ALIAS = "liv mine = SA-1(heads = 2)"


@pytest.mark.parametrize("name", EQUAL)
def test_what_does_not_count(name: str) -> None:
    one, other = (of(body, before=ALIAS) for body in EQUAL[name])
    assert one == other and one.digest == other.digest
    a, b = (outputs(model(body, before=ALIAS)) for body in EQUAL[name])
    torch.testing.assert_close(a, b)


DIFFERENT = (
    *("SA-1; GMemless", "GMemless; SA-1", "SA-1", "SA-1; GMemless; GMemless"),
    *("SA-1(heads = 2); GMemless", "SA-1-Diff; GMemless", "SA-1; GMemless(expand = 2)"),
    *("SA-1(placement = post); GMemless", "SA-1(residual_scale = 1/2); GMemless"),
    *("SA-1(skip_scale = 1/2); GMemless", "SA-1(skip_scale = learned); GMemless"),
    "SA-1(residual_scale = learned); GMemless",
    *("a: SA-1; SA-1", "a: SA-1; SA-1 weights from a", "a: SA-1; SA-1 same as a"),
    *("a: SA-1; SA-1 k from a", "a: SA-1; SA-1 v from a", "a: SA-1; SA-1 k, v from a"),
    "a: SA-1; SA-1 weights from a, k from a",
    "a: SA-1; b: SA-1; SA-1 weights from a",
    "a: SA-1; b: SA-1; SA-1 weights from b",
    "a: SA-1; b: SA-1; SA-1 k from b",
    "a: SA-1; b: SA-1 same as a; SA-1 k from a",
    "a: SA-1; b: SA-1 same as a; SA-1 k from b",
    "a: Rec-1; b: Rec-1; Rec-1 weights from a, z, x, b, c, dt from b",
    "a: Rec-1; b: Rec-1; Rec-1 weights from b, z, x, b, c, dt from b",
    *("parallel { SA-1; GMemless }", "parallel { GMemless; SA-1 }"),
    "parallel { a: SA-1; SA-1 k from a }",
    "parallel { a: SA-1; SA-1 }",
    *("parallel { SA-1(placement = pre); GMemless }", "parallel { GMemless }"),
    *(
        "parallel { SA-1; GMemless(placement = pre) }",
        "parallel { GMemless(expand = 1) }",
    ),
    "parallel { SA-1(residual_scale = 1/2); GMemless }",
    "SA-1(input = [stream, embedding]); GMemless",
    *("SA-1(lora = 2); GMemless", "SA-1(lora = 2, lora_down = one); GMemless"),
    *(f"a: SA-1(output = none); GMemless {of} from a" for of in ("input", "plus")),
    "a: SA-1(output = none); b: SA-1(output = none); GMemless input from a\n"
    "GMemless input from b",
    "a: SA-1(output = none); b: SA-1(output = none); GMemless input from b\n"
    "GMemless input from a",
)
SETTINGS = (
    *("tied = false", "norm = layer", "eps = 1e-3", "placement = sandwich"),
    *(
        "residual_scale = 2",
        "embedding_scale = 2",
        "logit_scale = 2",
        "head_bias = true",
    ),
    *("logit_softcap = 2", "positions = none", "placement = none"),
    *("positions = learned", "embedding_norm = rms"),
    *("embedding_norm = layer", "embedding_norm = rms(weight = false)"),
)


def test_what_counts() -> None:
    everything = [of(body) for body in DIFFERENT]
    everything += [of(DIFFERENT[0], more) for more in SETTINGS]
    for one, other in combinations(everything, 2):
        assert one != other and one.digest != other.digest


@settings(max_examples=80, deadline=None)
@given(models())
def test_optional_passes_do_not_count(found: Written) -> None:
    whole = structure(passes.run(found))
    assert structure(passes.run(found, frozenset(OPTIONAL_PASSES))) == whole
    for name in OPTIONAL_PASSES:
        assert structure(passes.run(found, frozenset({name}))) == whole


def outputs(found: Model) -> torch.Tensor:
    """With the same numbers in the same order for models of one structure."""
    weights = random_weights(found, torch.Generator().manual_seed(0))
    with torch.no_grad():
        return execute(found, weights, torch.arange(9)[None])


def test_equal_structures_and_only_they_are_equal_functions() -> None:
    """Of random genomes, among which many spell one architecture."""
    random = Random(0)
    answers: dict[Structure, torch.Tensor] = {}
    met = 0
    for _ in range(150):
        genome = random_genome(random, 3, pool=(1, 9))
        text = unparse(decode(genome, width=16, vocab=11, context=16))
        found = passes.run(to_ir(text))
        key, answer = structure(found), outputs(found)
        if key in answers:
            met += 1
            torch.testing.assert_close(answer, answers[key])
        assert not any(
            torch.allclose(answer, other)
            for one, other in answers.items()
            if one != key
        )
        answers[key] = answer
    assert met > 20 and len(answers) > 20
