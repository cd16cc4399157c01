"""From text to the emitted model: the examples made small, and random genomes."""

import re
from pathlib import Path
from random import Random

import pytest

from starc.compiler import to_ir
from starc.frontend.unparse import unparse
from starc.genome import decode, random_genome
from tests.emitted.comparison import answer, check, check_decoding
from tests.emitted.helpers import OPTIONAL, emit
from tests.sampled import sampled

EXAMPLES = sorted(Path(__file__).parents[2].glob("examples/*.star"))


def small(text: str) -> str:
    """Its sizes, and how often it repeats, made small; its structure stays."""
    sizes = {
        "width": 192,
        "vocab": 50,
        "context": 64,
        "hidden": 40,
        "head_dim": 12,
        "window": 4,
        "states": 8,
        "blocks": 4,
    }
    for name, size in sizes.items():
        text = re.sub(rf"\b{name}(\s*)= [\d_]+", rf"{name}\1= {size}", text)
    text = re.sub(  # no more of them than have some channels to turn
        r"\bheads(\s*)= (\d+)", lambda m: f"heads{m[1]}= {min(int(m[2]), 16)}", text
    )
    return re.sub(r"\b\d+ x \{", "2 x {", text)


@pytest.mark.parametrize(
    "path", sampled(EXAMPLES, EXAMPLES[::2]), ids=lambda path: path.stem
)
def test_examples(path: Path) -> None:
    model = to_ir(small(path.read_text()), path.name)
    emitted = emit(model)
    expected = answer(emitted.ir, 11)
    check(emitted, expected)
    check_decoding(emitted, expected)


@pytest.mark.parametrize("seed", sampled(range(20), range(6)))
def test_random_genomes(seed: int) -> None:
    random = Random(seed)
    genome = random_genome(random, random.randint(2, 12), labels=random.choice((1, 3)))
    model = to_ir(unparse(decode(genome, width=64)))
    emitted = emit(model)
    expected = answer(emitted.ir, 11)
    check(emitted, expected)
    check(emit(model, OPTIONAL), expected)
    check_decoding(emitted, expected)
