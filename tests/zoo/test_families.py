"""Every family against transformers: names, numbers, logits, and weights back again."""

import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from starc import compiler, passes
from starc.diagnostics import Problems
from starc.frontend.parse import parse
from starc.frontend.unparse import unparse
from starc.ir.cost import costs
from starc.source import Source
from starc.zoo.convert import Conversion
from starc.zoo.families import NAMES, family
from starc.zoo.reading import read
from starc.zoo.spelling import source
from tests.emitted.helpers import relative
from tests.sampled import sampled
from tests.zoo.every_family import FAMILIES, PHASES, SLOW
from tests.zoo.imported import as_json, checkpoint_of, converted_back, imported
from tests.zoo.theirs import build, logits

LIMIT = 1e-9
"""Of the relative error of logits, both in float64; what is asked for is 1e-6."""

ROUNDED = {"bloom": 1e-8}
"""Where theirs has a constant of fewer digits: 0.79788456 for the root of 2 / pi."""

EXAMPLES = 20
LENGTH = 9
"""Of a sequence, in tokens."""
PADS = (2, 0)
"""Before each of the two rows, where rows are padded."""

CHUNKS, PADDED, GREEDY, BACK = "chunks", "padded", "greedy", "back"
WAYS = (CHUNKS, PADDED, GREEDY, BACK)
"""What is tried besides a prompt: of the configurations of a family each by turns, in
the slow test all. One pass of theirs, which takes longer than ours, serves all."""


def test_every_family_is_tried() -> None:
    assert FAMILIES.keys() == {*NAMES}


def same_as_theirs(config: Any, whole: bool, ways: Collection[str]) -> None:
    """whole: a file that has the fields at their defaults too."""
    theirs = build(config)
    tensors = checkpoint_of(theirs)
    with tempfile.TemporaryDirectory() as folder:
        ours = imported(as_json(config, whole), tensors, Path(folder))
        if BACK in ways:
            back = converted_back(ours.conversion, Path(folder))
            came_back(ours.conversion, back, tensors)
    assert unparse(parse(Source("m.star", ours.text), Problems())) == ours.text
    count = sum(parameter.numel() for parameter in theirs.parameters())
    assert sum(parameter.numel() for parameter in ours.model.parameters()) == count
    with torch.no_grad():
        answers_alike(ours.model, theirs, ways)


def came_back(
    conversion: Conversion, back: dict[str, Tensor], theirs: dict[str, Tensor]
) -> None:
    """Bit for bit; what held a constant to rounding."""
    exact = {row.theirs: row.exact for row in conversion.rows}
    assert back.keys() == exact.keys() == theirs.keys()
    for name, tensor in theirs.items():
        if exact[name]:
            assert torch.equal(back[name], tensor), name
        else:
            assert relative(back[name], tensor) < 1e-14, name


def answers_alike(ours: Any, theirs: Any, ways: Collection[str]) -> None:
    """A prompt; chunks and single tokens, padded rows, what is chosen greedily."""
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randint(theirs.config.vocab_size, (2, LENGTH), generator=generator)
    prompt, more = 4, 3 if GREEDY in ways else 0
    if more:  # what follows a prompt is what ours chooses
        pads = torch.tensor(PADS)
        rows, _ = ours.generate(tokens[:, :prompt], more, pads=pads, temperature=0.0)
        for row, pad in enumerate(PADS):
            tokens[row, : prompt + more - pad] = rows[row, pad:]
    expected = logits(theirs, tokens)
    best = expected.argmax(-1)
    for row, pad in enumerate(PADS):
        chosen = slice(prompt - pad, prompt - pad + more)
        before = slice(chosen.start - 1, chosen.stop - 1)
        assert torch.equal(tokens[row, chosen], best[row, before])
    limit = ROUNDED.get(theirs.config.model_type, LIMIT)
    assert (error := relative(ours(tokens), expected)) < limit, error
    if CHUNKS in ways:
        cache = ours.new_cache(2, LENGTH)
        parts = tokens.split([4, 1, 2, 1, 1], dim=1)
        found = torch.cat([ours(part, cache) for part in parts], 1)
        assert relative(found, expected) < limit
    if PADDED in ways:
        rows = torch.stack([tokens[row].roll(pad) for row, pad in enumerate(PADS)])
        found = ours(rows, pads=torch.tensor(PADS))
        for row, pad in enumerate(PADS):
            seen = expected[row, : LENGTH - pad]
            assert relative(found[row, pad:], seen) < limit


@pytest.fixture
def tried() -> dict[str, str]:
    """By configuration what is tried with it: of one that fails again the same."""
    return {}


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=EXAMPLES, phases=PHASES, suppress_health_check=SLOW)
@given(data=st.data())
def test_random_configurations(
    name: str, data: st.DataObject, tried: dict[str, str]
) -> None:
    config, whole = data.draw(FAMILIES[name]), data.draw(st.booleans())
    way = tried.setdefault(config.to_json_string(), WAYS[len(tried) % len(WAYS)])
    same_as_theirs(config, whole, {way})


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=100, phases=PHASES, suppress_health_check=SLOW)
@given(data=st.data())
def test_many_random_configurations(name: str, data: st.DataObject) -> None:
    same_as_theirs(data.draw(FAMILIES[name]), data.draw(st.booleans()), WAYS)


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
