"""Children that start from their parents' tensors."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from starc import compiler, passes
from starc.evolve import coordinator
from starc.evolve.evaluation import inheritance, preflight
from starc.evolve.evaluation.inheritance import Parent, inherit, sources
from starc.evolve.evaluation.pipeline import evaluate
from starc.evolve.problem.candidate import Candidate
from starc.evolve.problem.spec import Spec
from starc.folders import Folder
from starc.ir.nodes import Model
from starc.source import Source
from starc.training import checkpoint
from tests.evolve.evaluation import small
from tests.evolve.loop.searches import Shuffled, inline, run, tables

CHILD = Candidate((small.CONV, small.MLP, small.CONV, small.CONV))


def model_of(body: str) -> Model:
    text = f"model m {{ width = 32; vocab = 256; context = 64 }}\nbackbone {{ {body} }}"
    return passes.run(compiler.to_ir(Source("m", text)))


@pytest.mark.parametrize(
    ("child", "parents", "expected"),
    [
        # an exchange: each half from the parent that has the longer run
        (
            "SA-3; GMemless; GConv-1; GMemless",
            ["SA-3; GMemless; SA-3; SA-3", "SA-1; SA-1; GConv-1; GMemless"],
            {"attn_0": (0, "attn_0"), "mlp_1": (0, "mlp_1")}
            | {"conv_2": (1, "conv_2"), "mlp_3": (1, "mlp_3")},
        ),
        # what was inserted comes from nobody, and shifts the others
        (
            "SA-3; GConv-1; GMemless; GMemless",
            ["SA-3; GMemless; GMemless"],
            {"attn_0": (0, "attn_0"), "mlp_2": (0, "mlp_1"), "mlp_3": (0, "mlp_2")},
        ),
        # another number, other heads, another owner of a feature: another LIV
        ("GConv-1(kernel = 2); SA-1", ["GConv-1; SA-3"], {}),
        ("a: SA-1; SA-1 k, v from a", ["SA-1; SA-1"], {"a": (0, "attn_0")}),
        # a difference as a whole
        ("GMemless; GConv-1-Diff", ["GConv-1-Diff"], {"conv_1": (0, "conv_0")}),
    ],
)
def test_which_livs_are_inherited(
    child: str, parents: list[str], expected: dict[str, tuple[int, str]]
) -> None:
    assert sources(model_of(child), [*map(model_of, parents)]) == expected


def test_tensors_by_name() -> None:
    """attn_1 has nothing of attn_10's, and a shape that differs is left alone."""
    layers = "; ".join(["SA-3"] * 11)
    parent = Parent(3, model_of(layers), {})
    names = ["embedding.weight", "attn_1.out_proj.weight", "attn_10_norm.weight"]
    own = {name: torch.zeros(4) for name in names}
    theirs = {name: torch.full((4,), float(at)) for at, name in enumerate(names)}
    taken, share = inherit(own, parent.model, [replace(parent, tensors=theirs)])
    assert taken.keys() == own.keys() and share == 1.0
    assert all(torch.equal(taken[name], theirs[name]) for name in names)
    larger = theirs | {names[1]: torch.ones(5)}
    taken, share = inherit(own, parent.model, [replace(parent, tensors=larger)])
    assert names[1] not in taken and share == pytest.approx(2 / 3)


def trained(spec: Spec, folder: Path) -> Folder:
    """A parent's folder, number 1, beside which others are."""
    place = Folder.of(folder) / "candidates"
    assert evaluate(small.CANDIDATE, spec, place / "1", 0).status == "ok"
    return place


def test_a_child_goes_on_from_its_parent(tmp_path: Path) -> None:
    """What is inherited whole is after the spared steps what the parent was before:
    without a step of its own it has the parent's loss."""
    spec = small.real(tmp_path, inherit=True)
    place = trained(spec, tmp_path / "run")
    parent = evaluate(small.CANDIDATE, spec, place / "1", 0)
    child = evaluate(CHILD, spec, place / "2", 0, (1,))
    alone = evaluate(CHILD, spec, place / "3", 0)
    assert 0 < child.measures["inherited"] < 1 and "inherited" not in alone.measures
    assert child.measures["loss"] != alone.measures["loss"]
    log = (place / "2" / "log.txt").path.read_text()
    assert "of 1, from step " in log
    same = evaluate(small.CANDIDATE, spec, place / "4", 0, (1,))
    assert same.measures["inherited"] == 1.0
    assert same.measures["loss"] < parent.measures["loss"]  # trained half as long again
    (found,), lost = inheritance.parents(place / "5", (1,))
    kept = checkpoint.load_tensors(place / "1", "weights.safetensors")
    assert not lost and found.tensors.keys() == kept.keys()


@pytest.mark.parametrize("harm", ["deleted", "damaged", "no text"])
def test_a_parent_that_was_lost(harm: str, tmp_path: Path) -> None:
    spec = small.real(tmp_path, inherit=True)
    place = trained(spec, tmp_path / "run")
    weights = (place / "1" / "weights.safetensors").path
    if harm == "deleted":
        weights.unlink()
    elif harm == "damaged":
        weights.write_bytes(weights.read_bytes()[:100])
    else:
        (place / "1" / "candidate.star").path.write_text("backbone {")
    child = evaluate(CHILD, spec, place / "2", 0, (1,))
    assert child.status == "ok" and child.measures["inherited"] == 0.0
    assert "of 1 nothing is inherited" in (place / "2" / "log.txt").path.read_text()
    alone = evaluate(CHILD, spec, place / "3", 0)
    assert child.measures["loss"] == alone.measures["loss"]


def test_a_search_that_inherits(tmp_path: Path) -> None:
    """The order of its outcomes makes no difference."""
    spec = small.real(tmp_path, inherit=True, steps=3)
    spec = replace(spec, population=3, generations=3, depth=(4, 4), name="tiny")
    found = run(spec, tmp_path / "whole").candidates("WHERE c.generation > 0")
    shares = [row.outcome.measures["inherited"] for row in found if row.outcome]
    assert max(shares) > 0.5
    coordinator.begin(spec, tmp_path / "run", lambda s, f: Shuffled(s, f, 3))
    assert tables(tmp_path / "run") == tables(tmp_path / "whole")
    assert coordinator.resume(tmp_path / "run", inline).before


def test_on_a_cluster_nothing_is_inherited(tmp_path: Path) -> None:
    spec = small.real(tmp_path, inherit=True)
    with pytest.raises(preflight.NotPossible, match="inherit.*without --ray"):
        preflight.check(spec, here=False)
    preflight.check(spec)
