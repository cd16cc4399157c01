"""Motifs as text: they compile, and what is read from them is the motif again."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from starc.cli.app import app
from starc.evolve.report import table
from starc.evolve.report.designs import design
from starc.evolve.report.motif_text import as_star, block_of
from starc.evolve.report.motifs import Motif, occurring
from tests.evolve.report.fake_run import write

MODEL = "model m { width = 64 }\n"

MOTIFS = (
    Motif(("GConv-1", "GMemless")),
    Motif(("GConv-1-Diff", "GMemless", "GConv-1-Diff"), ((0, 2, "weights"),)),
    Motif(("SA-3", "SA-3"), ((0, 1, "k, v"),)),
    Motif(("SA-1", "SA-1"), taken="k, v", distance=1),
    Motif(("GMemless", "GMemless"), ((0, 1, "all"),)),
    Motif(("(SA-1 | GConv-1)", "GMemless")),
)


@pytest.mark.parametrize("motif", MOTIFS, ids=str)
def test_a_block_has_the_motif(motif: Motif) -> None:
    text = block_of(motif)
    assert text is not None
    found = design(MODEL + text)
    assert found is not None and motif in occurring(found), text


def test_what_cannot_be_said_is_not() -> None:
    assert block_of(Motif(("SA-1", "SA-1"), ((0, 1, "weights of k"),))) is None


def test_blocks_of_a_run_compile_one_by_one(tmp_path: Path) -> None:
    run = write(tmp_path / "run", 8, 4)
    text = as_star(table.collect([run]), 12)
    blocks = [f"backbone {part}" for part in text.split("backbone ")[1:]]
    assert len(blocks) > 5
    for block in blocks:
        assert design(MODEL + block) is not None, block
    called = CliRunner().invoke(app, ["motifs", str(run), "--as", "liv", "--top", "12"])
    assert called.output == text


def test_a_definition_of_its_own_comes_with_the_block(tmp_path: Path) -> None:
    """Of two files with LIVs of one name the first holds; aliases are not needed."""
    own = (
        "featurizer wide {\n  groups = [q, k, v]\n  channel = dense\n}\n"
        "liv Own {\n  featurizer = wide\n  token = low_rank\n  nonlinear = softmax\n"
        "  channel = grouped(heads = 4)\n}\n"
        "liv mlp = SwiGLU(hidden = 32)\n"
    )
    for name in ("a", "b"):
        body = "backbone { Own; mlp; Own; mlp }"
        (tmp_path / f"{name}.star").write_text(f"{MODEL}{own}{body}\n")
    text = as_star(table.collect([tmp_path]), 1)
    assert text.count("liv Own") == 1 and "mlp" not in text
    assert design(MODEL + text) is not None, text
