"""Architectures at another size: as deep and wide as asked, sharing kept."""

import math
from pathlib import Path

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

import starc
from starc import compiler, passes
from starc.choices import WAYS
from starc.frontend.unparse import unparse
from starc.ir.cost import costs
from starc.ir.init import EMBEDDING
from starc.ir.nodes import Model, sections
from starc.resize import scale as scales
from starc.resize.scale import ScaleError, scale, scaled
from starc.source import Source

EXAMPLES = sorted(Path("examples").glob("*.star"))
BY = st.sampled_from(WAYS)
ALL = st.sampled_from(EXAMPLES)


def source(path: Path) -> Source:
    return Source(path.name, path.read_text())


def model(text: str) -> Model:
    return passes.run(compiler.to_ir(text))


def body(found: Model) -> int:
    """Parameters of the LIVs, without those of the stream before and after them."""
    around = [p for p in found.before if p.init is not EMBEDDING]  # those are left out
    around += [p for p in found.after if p.name != "head.weight"]
    here = sum(math.prod(p.shape) for p in around)
    return costs(found, 128, 2).params_without_embeddings - here


def deep(found: Model) -> int:
    """Layers, those of a block together."""
    together = sum(len(section.body) - 1 for section in sections(found.body))
    return len(list(found.layers())) - together


def at_depth(before: Source, depth: int, by: str = "stack") -> str:
    """Scaled; the example is left out where it parts an answer from its reader."""
    try:
        return scale(before, depth=depth, by=by)
    except ScaleError:
        own = scales.depth_of(starc.parse(before.text))
        assert "output = none" in before.text and depth % own
        reject()


@settings(max_examples=40, deadline=None)
@given(path=ALL, more=st.integers(0, 40), by=BY)
def test_depth_is_as_asked_and_the_text_canonical(
    path: Path, more: int, by: str
) -> None:
    before = source(path)
    wanted = scales.depth_of(starc.parse(before.text)) + more
    text = at_depth(before, wanted, by)
    assert deep(model(text)) == wanted
    assert unparse(starc.parse(text)) == text
    assert scales.RULE.splitlines()[0] in text


@settings(max_examples=20, deadline=None)
@given(path=ALL, depth=st.integers(1, 30))
def test_a_stack_may_be_cut(path: Path, depth: int) -> None:
    assert deep(model(at_depth(source(path), depth))) == depth


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
@pytest.mark.parametrize("by", WAYS)
def test_n_times_the_depth_has_n_times_the_parameters(path: Path, by: str) -> None:
    before = source(path)
    depth = scales.depth_of(starc.parse(before.text))
    once = model(before.text)
    thrice = model(scale(before, depth=3 * depth, by=by))
    assert body(thrice) == 3 * body(once)  # so sharing stays inside each copy
    one, three = (costs(found, 1024, 2).total for found in (once, thrice))
    assert three.cache_bytes == 3 * one.cache_bytes


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_twice_the_width_keeps_the_heads_size(path: Path) -> None:
    before = source(path)
    width = scales.width_of(starc.parse(before.text))
    small, large = model(before.text), model(scale(before, width=2 * width))
    assert large.width == 2 * width
    assert 2 * body(small) < body(large) <= 4.2 * body(small)
    for one, other in zip(small.layers(), large.layers(), strict=True):
        a, b = (getattr(layer, "operator", None) for layer in (one, other))
        if a is not None and b is not None and hasattr(a, "head_dim"):
            assert a.head_dim == b.head_dim
            assert 2 * a.heads == b.heads


@settings(max_examples=20, deadline=None)
@given(path=ALL, by=BY)
def test_its_own_size_is_itself(path: Path, by: str) -> None:
    program = starc.parse(path.read_text())
    depth, width = scales.depth_of(program), scales.width_of(program)
    assert scaled(program, width, depth, by) == program


def test_interleaving_keeps_owners_before_borrowers() -> None:
    text = "model m { width = 64 }\nbackbone { a: SA-1; SA-1 k, v from a }\n"
    found = scale(Source("m.star", text), depth=5, by="interleave")
    lines = [line.strip() for line in found.splitlines() if "SA-1" in line]
    assert [" ".join(line.split()) for line in lines] == [
        "a: SA-1",
        "a_b: SA-1",
        "SA-1 k, v from a",
        "SA-1 k, v from a_b",
        "SA-1 k, v from a_b",
    ]


@pytest.mark.parametrize("by", WAYS)
def test_labels_that_are_places_give_way(by: str) -> None:
    """A LIV without a label is called by its place, which another one may be called as
    `starc decode` labels it: conv_4."""
    text = "model m { width = 48 }\nbackbone {\n  conv_0: GConv-1-Diff\n  GMemless\n"
    text += "  GConv-1\n  GConv-1\n  conv_4: GConv-1\n"
    text += "  GConv-1-Diff weights from conv_0\n  GConv-1 weights from conv_4\n}\n"
    twice = scale(Source("m", text), depth=14, by=by)
    assert body(model(twice)) == 2 * body(model(text))


def test_what_cannot_be_is_said_with_a_remedy() -> None:
    text = "model m { width = 768 }\nbackbone { SA-1(heads = 12) }\n"
    with pytest.raises(ScaleError, match="line 2: heads = 12 .* divides by 64"):
        scale(Source("m.star", text), width=1000)
    with pytest.raises(ScaleError, match="--by stack"):
        scale(source(EXAMPLES[0]), depth=1, by="interleave")
    text = (
        "model m { width = 64 }\nbackbone { a: SA-1(output = none); SA-1 plus from a }"
    )
    for depth in (1, 3):
        with pytest.raises(ScaleError, match="multiples of 2 part none"):
            scale(Source("m.star", text), depth=depth)
    for by in WAYS:
        assert len(list(model(scale(Source("m.star", text), 0, 6, by)).layers())) == 6


def test_hidden_goes_up_to_a_multiple_of_eight() -> None:
    text = "model m { width = 64 }\nbackbone { GMemless(hidden = 100) }\n"
    assert "hidden = 160" in scale(Source("m.star", text), width=100)


def test_a_search_block_is_left_out_and_genes_too() -> None:
    text = (
        "model m { width = 64 }\nbackbone { SA-1 genes(2, 1, 1, 1) }\n"
        "search { depth = 1 }\n"
    )
    found = scale(Source("m.star", text), depth=2)
    assert "search" not in found and "genes(" not in found
