"""What each operator brought to the front."""

import pytest

from starc.evolve.report.contributions import contributions, operators
from starc.evolve.report.measures import axes
from starc.evolve.report.read import Run, read
from starc.evolve.selection.ranking import hypervolume
from tests.evolve.report.fake_run import write


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return read(write(tmp_path_factory.mktemp("runs") / "run", 8, 4))


def test_the_parts_of_all_operators_are_the_hypervolume(run: Run) -> None:
    found = contributions(run)
    goals = [axis for axis in axes(run) if axis.objective]
    placed = {
        entry.id: tuple(a.scale.place(entry.measure(a.label) or 0.0) for a in goals)
        for entry in run.evaluated
    }
    first = [placed[e.id] for e in run.evaluated if e.generation == 0]
    ends = ([end(c) for c in zip(*first, strict=True)] for end in (min, max))
    total = sum(one.gain for one in found)
    assert total == pytest.approx(hypervolume([*placed.values()], *ends))
    assert sum(one.share for one in found) == pytest.approx(1)
    assert [one.gain for one in found] == sorted((o.gain for o in found), reverse=True)


def test_candidates_count_for_what_made_them(run: Run) -> None:
    found = {one.operator: one for one in contributions(run)}
    assert {"seed", "sample", "crossover", "mutation of a class"} <= found.keys()
    for name, one in found.items():
        own = {entry.id for entry in run.entries if name in operators(entry)}
        assert one.children == len(own)
        assert one.front == len(own & {entry.id for entry in run.front})
    assert sum(one.children for one in found.values()) >= len(run.entries)
