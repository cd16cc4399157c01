"""Every family against transformers: names, numbers, logits, and weights back again."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from starc import compiler, passes
from starc.diagnostics import Problems
from starc.frontend.parse import parse
from starc.frontend.unparse import unparse
from starc.ir.cost import costs
from starc.source import Source
from starc.zoo.families import NAMES, family
from starc.zoo.reading import read
from starc.zoo.spelling import source
from tests.emitted.helpers import relative
from tests.sampled import sampled
from tests.zoo.every_family import FAMILIES
from tests.zoo.imported import Imported, as_json, checkpoint_of, imported
from tests.zoo.theirs import build, logits

LIMIT = 1e-9
"""Of the relative error of logits, both in float64; what is asked for is 1e-6."""

ROUNDED = {"bloom": 1e-8}
"""Where theirs has a constant of fewer digits: 0.79788456 for the root of 2 / pi."""

EXAMPLES = 3
"""Each time others; the slow test has as many as would be wanted here."""


def test_every_family_is_tried() -> None:
    assert FAMILIES.keys() == {*NAMES}


def same_as_theirs(config: Any, whole: bool) -> None:
    theirs = build(config)
    tensors = checkpoint_of(theirs)
    with tempfile.TemporaryDirectory() as folder:
        ours = imported(as_json(config, whole), tensors, Path(folder))
    assert unparse(parse(Source("m.star", ours.text), Problems())) == ours.text
    count = sum(parameter.numel() for parameter in theirs.parameters())
    assert sum(parameter.numel() for parameter in ours.model.parameters()) == count
    came_back(ours, tensors)
    answers_alike(ours.model, theirs)


def came_back(ours: Imported, theirs: dict[str, torch.Tensor]) -> None:
    """Bit for bit; what held a constant to rounding."""
    kept = {row.theirs for row in ours.conversion.rows}
    assert ours.back.keys() == kept == theirs.keys()
    exact = {row.theirs: row.exact for row in ours.conversion.rows}
    for name, tensor in theirs.items():
        if exact[name]:
            assert torch.equal(ours.back[name], tensor), name
        else:
            assert relative(ours.back[name], tensor) < 1e-14, name


def answers_alike(ours: Any, theirs: Any) -> None:
    """A prompt, chunks, single tokens, padded rows, and what is chosen greedily."""
    generator = torch.Generator().manual_seed(1)
    vocab = theirs.config.vocab_size
    limit = ROUNDED.get(theirs.config.model_type, LIMIT)
    tokens = torch.randint(vocab, (2, 13), generator=generator)
    expected = logits(theirs, tokens)
    with torch.no_grad():
        assert (error := relative(ours(tokens), expected)) < limit, error
        cache = ours.new_cache(2, 13)
        parts = tokens.split([5, 1, 3, 1, 1, 2], dim=1)
        found = torch.cat([ours(part, cache) for part in parts], 1)
    assert relative(found, expected) < limit
    pads = torch.tensor([3, 0])
    with torch.no_grad():
        found = ours(tokens, pads=pads)
    assert relative(found[0, 3:], logits(theirs, tokens[:1, 3:])[0]) < limit
    assert relative(found[1], expected[1]) < limit
    rows, _ = ours.generate(tokens[:, :5], 2, pads=pads, temperature=0.0)
    for row, pad in enumerate(pads.tolist()):
        chosen = tokens[row : row + 1, pad:5]
        for _ in range(2):
            best = logits(theirs, chosen)[:, -1].argmax(-1, keepdim=True)
            chosen = torch.cat([chosen, best], 1)
        assert torch.equal(rows[row : row + 1, pad:], chosen)


@pytest.mark.parametrize("name", NAMES)
def test_random_configurations(name: str) -> None:
    try_configurations(name, EXAMPLES)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_many_random_configurations(name: str) -> None:
    try_configurations(name, 100)


def try_configurations(name: str, examples: int) -> None:
    @settings(
        max_examples=examples,
        phases=[Phase.reuse, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(FAMILIES[name], st.booleans())
    def run(config: Any, whole: bool) -> None:
        same_as_theirs(config, whole)

    run()


STATED: dict[str, dict[str, Any]] = {
    "deepseek_v2": {"num_experts_per_tok": 6},
    "dots1": {
        "n_routed_experts": 128,
        "n_shared_experts": 2,
        "num_experts_per_tok": 6,
    },
    "glm4_moe": {"head_dim": 128},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"] * 16},
}
"""What a file has to say, where the default cannot be said."""


def default_configuration(name: str) -> Any:
    return transformers.AutoConfig.for_model(name, **STATED.get(name, {}))


@pytest.mark.parametrize("name", NAMES)
def test_defaults_are_theirs(name: str) -> None:
    """Fields that a file leaves out mean the same; none of all fields is unknown."""
    config = default_configuration(name)
    least = {"model_type": name, **STATED.get(name, {})}
    assert source(read(least), "m") == source(read(as_json(config, whole=True)), "m")


SOME = NAMES[::8]
"""A sample, where building their model of full size takes its time."""


@pytest.mark.parametrize("name", sampled(NAMES, SOME))
def test_as_many_parameters_at_full_size(name: str) -> None:
    """Of the published model that the defaults describe."""
    config = default_configuration(name)
    with torch.device("meta"):
        theirs = transformers.AutoModelForCausalLM.from_config(config)
    count = sum(parameter.numel() for parameter in theirs.parameters())
    text = source(read(as_json(config, whole=False)), "m")
    model = passes.run(compiler.to_ir(text))
    assert costs(model, 1, 2).total.params == count
    assert type(theirs).__name__ == family(name).architecture


PUBLISHED = {"lfm3": 1_728_801_536, "smollm3": 3_075_098_624}
"""Parameters, as their makers count them."""


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_sizes(name: str) -> None:
    text = source(read({"model_type": name}), "m")
    model = passes.run(compiler.to_ir(text))
    assert costs(model, 1, 2).total.params == PUBLISHED[name]
