"""`starc show --tree`, on all examples."""

from pathlib import Path

import pytest

from starc import compiler, passes
from starc.ir.cost import costs
from starc.ir.tree import COLUMNS, as_tree
from starc.source import Source

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.star"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_it_fits_a_terminal_and_leaves_nothing_out(path: Path) -> None:
    source = Source(path.name, path.read_text(encoding="utf-8"))
    model = passes.run(compiler.to_ir(source))
    lines = as_tree(model, costs(model, model.context, 2)).splitlines()
    assert max(map(len, lines)) <= COLUMNS
    said = [line for line in lines[1:] if "(" in line]
    assert all(line.endswith(")") for line in said)
    for label in [step.label for step in model.body if hasattr(step, "label")]:
        assert any(f" {label}:" in line for line in lines)
