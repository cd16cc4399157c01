"""The table, the bars and the tree of `starc show`."""

import re
from pathlib import Path

import pytest

from starc import passes
from starc.compiler import to_ir
from starc.ir.cost import costs
from starc.ir.nodes import Model
from starc.ir.show import as_json, as_table
from starc.ir.tree import as_tree
from starc.numerals import shortened

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.star"))


def model(path: Path) -> Model:
    return passes.run(to_ir(path.read_text(), path.name))


@pytest.mark.parametrize(
    "within", [80, *(pytest.param(n, marks=pytest.mark.slow) for n in (76, 100))]
)
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_it_fits_and_says_all(path: Path, within: int) -> None:
    found = model(path)
    table = as_table(found, found.context, "bf16", within)
    lines = table.splitlines()
    assert [line for line in lines if len(line) > within] == []
    shown = as_json(found, found.context, "bf16")
    said = " ".join(table.split())
    for key in ("params", "cache_bytes", "params_without_embeddings"):
        assert f"{shown[key]:,}" in said
    for layer in shown["layers"]:
        assert f" {layer['params']:,} " in said and layer["written"] in said


def test_what_is_shared_stands_below_its_row() -> None:
    text = "model m { width = 64 }\nbackbone { a: GQA(heads = 8, kv_heads = 2); %s }"
    found = passes.run(to_ir(text % "GQA(heads = 8, kv_heads = 2) k, v from a"))
    lines = as_table(found, 64, "bf16", 76).splitlines()
    row = next(i for i, line in enumerate(lines) if line.startswith("attn_1"))
    assert lines[row + 1] == "    k, v from a"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_shares_are_all_of_it(path: Path) -> None:
    found = model(path)
    lines = as_table(found, found.context, "bf16", 80).splitlines()
    at = next(
        i for i, line in enumerate(lines) if line.split() == ["parameters", "cache"]
    )
    shares = [re.findall(r"([\d.]+)%", line) for line in lines[at + 1 :]]
    pairs = [[float(share) for share in row] for row in shares if len(row) == 2]
    params, cache = (sum(column) for column in zip(*pairs, strict=True))
    assert abs(params - 100) < 0.1 * len(pairs)
    assert (
        abs(cache - 100) < 0.1 * len(pairs) or not costs(found, 64, 2).total.cache_bytes
    )


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_tree_has_a_line_for_each_liv_of_the_text(path: Path) -> None:
    found = model(path)
    tree = as_tree(found, costs(found, found.context, 2)).splitlines()
    spans = {(layer.span.start, layer.span.end) for layer in found.layers()}
    named = [line for line in tree[1:] if re.search(r"─ \w+: ", line)]
    assert len(named) == len(spans)
    assert tree[0].startswith(found.name)
    repeats = [line for line in tree if re.search(r"─ \d+ x$", line)]
    assert len(repeats) == len(re.findall(r"(?m)^[^#]*?\d+ x \{", path.read_text()))


def test_numbers_of_three_digits() -> None:
    given = (0, 7, 512, 1000, 12_345, 123_456, 354_483_968, 2.139e9, 5e12)
    said = [shortened(number) for number in given]
    assert said == [
        *("0", "7", "512", "1.00 k", "12.3 k", "123 k", "354 M", "2.14 G", "5.00 T")
    ]
    assert (shortened(512, "B"), shortened(2048, "B")) == ("512 B", "2.05 kB")
