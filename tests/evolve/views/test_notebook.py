"""The notebook of examples/search: its cells run in order, as it ships."""

import json
from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).parents[3] / "examples" / "search" / "choose.ipynb"


def cells() -> list[str]:
    """The code of the notebook, which ships without outputs."""
    found = json.loads(NOTEBOOK.read_text())
    code = [cell for cell in found["cells"] if cell["cell_type"] == "code"]
    assert found["nbformat"] == 4
    assert not any(cell["outputs"] or cell["execution_count"] for cell in code)
    return ["".join(cell["source"]) for cell in code]


def test_every_cell_is_python() -> None:
    for at, text in enumerate(cells()):
        compile(text, f"<cell {at}>", "exec")


@pytest.mark.slow
def test_from_a_search_block_to_a_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With fewer steps and candidates than it says; all else as it stands there."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__notebook__"}
    for at, text in enumerate(cells()):
        if at == 0:
            text = text.replace("STEPS, BUDGET = 60, 48", "STEPS, BUDGET = 8, 12")
        exec(compile(text, f"<cell {at}>", "exec"), names)
    assert names["STEPS"] == 8 and len(names["candidates"]) == 12
    chosen = names["chosen"]
    assert chosen in names["front"].index
    written = {path.name for path in (tmp_path / "choose" / "chosen").iterdir()}
    star = f"small_{chosen}.star"
    assert written == {star, "model.py", "card.md", "weights.safetensors"}
    source = (tmp_path / "choose" / "chosen" / star).read_text()
    assert source == names["front"].loc[chosen, "source"]
