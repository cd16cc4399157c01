"""Every family against transformers: names, numbers, logits, and weights back again."""

import tempfile
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
from starc.zoo.rows import unused
from starc.zoo.spelling import source
from tests.emitted.helpers import relative
from tests.zoo.every_family import FAMILIES, PHASES, SLOW
from tests.zoo.imported import as_json, checkpoint_of, converted_back, imported
from tests.zoo.theirs import build, logits

LIMIT = 1e-9
"""Of the relative error of logits, both in float64; what is asked for is 1e-6."""

ROUNDED = {"bloom": 1e-8}
"""Where theirs has a constant of fewer digits: 0.79788456 for the root of 2 / pi."""

EXAMPLES = 4
"""Of each family in `make test`; 100 in `make test-slow`."""
LENGTH = 9
"""Of a sequence, in tokens."""
CHUNKS = (4, 2)
"""Of a prompt that is read in chunks; single tokens follow, chosen greedily."""
PADS = (2, 0)
"""Before each of the two rows, where rows are padded."""


def test_every_family_is_tried() -> None:
    assert FAMILIES.keys() == {*NAMES}


def same_as_theirs(config: Any, whole: bool) -> None:
    """whole: a file that has the fields at their defaults too."""
    theirs = build(config)
    tensors = checkpoint_of(theirs)
    with tempfile.TemporaryDirectory() as folder:
        ours = imported(as_json(config, whole), tensors, Path(folder))
        back = converted_back(ours.conversion, Path(folder))
    reading = ours.conversion.reading
    used = {row.theirs for row in ours.conversion.rows}
    weights = {n: t for n, t in tensors.items() if n in used or not unused(reading, n)}
    came_back(ours.conversion, back, weights)
    assert unparse(parse(Source("m.star", ours.text), Problems())) == ours.text
    count = sum(parameter.numel() for parameter in theirs.parameters())
    assert sum(parameter.numel() for parameter in ours.model.parameters()) == count
    with torch.no_grad():
        answers_alike(ours.model, theirs)


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


def answers_alike(ours: Any, theirs: Any) -> None:
    """A prompt at once; left-padded rows through the cache, in chunks and then token by
    token, each the best after the one before it.

    One pass of theirs, over rows without padding, serves all.
    """
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randint(theirs.config.vocab_size, (2, LENGTH), generator=generator)
    rows = torch.stack([row.roll(pad) for row, pad in zip(tokens, PADS, strict=True)])
    cache, prompt = ours.new_cache(2, LENGTH), sum(CHUNKS)
    first, *others = rows[:, :prompt].split(CHUNKS, 1)
    found = [ours(first, cache, pads=torch.tensor(PADS))]
    found += [ours(chunk, cache) for chunk in others]
    for place in range(prompt, LENGTH):
        rows[:, place] = found[-1][:, -1].argmax(-1)
        found.append(ours(rows[:, place : place + 1], cache))
    for row, pad in enumerate(PADS):
        tokens[row, : LENGTH - pad] = rows[row, pad:]
    expected = logits(theirs, tokens)
    limit = ROUNDED.get(theirs.config.model_type, LIMIT)
    assert (error := relative(ours(tokens), expected)) < limit, error
    for row, pad in enumerate(PADS):
        of_row, seen = torch.cat(found, 1)[row, pad:], expected[row, : LENGTH - pad]
        assert (error := relative(of_row, seen)) < limit, error
        assert torch.equal(rows[row, prompt:], seen[prompt - pad - 1 : -1].argmax(-1))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=EXAMPLES, phases=PHASES, suppress_health_check=SLOW)
@given(data=st.data())
def test_random_configurations(name: str, data: st.DataObject) -> None:
    same_as_theirs(data.draw(FAMILIES[name]), data.draw(st.booleans()))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=100, phases=PHASES, suppress_health_check=SLOW)
@given(data=st.data())
def test_many_random_configurations(name: str, data: st.DataObject) -> None:
    same_as_theirs(data.draw(FAMILIES[name]), data.draw(st.booleans()))


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


@pytest.mark.parametrize("name", NAMES)
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
