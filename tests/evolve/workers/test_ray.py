"""The same evaluations on a real Ray cluster of two nodes, one of them killed."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from starc.diagnostics import Problems
from starc.evolve import coordinator
from starc.evolve.evaluation.outcome import Outcome
from starc.evolve.problem.candidate import Candidate
from starc.evolve.problem.reading import read
from starc.evolve.problem.spec import Spec
from starc.evolve.storage.database import COMPARED, Database
from starc.evolve.views.watch import Watch
from starc.evolve.workers.local import Inline, Local
from starc.folders import Folder
from tests.evolve.evaluation import small

ray = pytest.importorskip("ray")
pytestmark = pytest.mark.slow

NODE = {"num_cpus": 1, "object_store_memory": 100 * 2**20}


@pytest.fixture
def cluster() -> Iterator[Any]:
    from ray.cluster_utils import Cluster

    head = {**NODE, "include_dashboard": False}
    made = Cluster(initialize_head=True, head_node_args=head)
    yield made
    ray.shutdown()
    made.shutdown()


def test_a_node_that_is_lost_in_the_middle(cluster: Any, tmp_path: Path) -> None:
    """Two rungs of five candidates; the second node dies when the first one is done.

    Each outcome and each folder is what this process gives without Ray.
    """
    from starc.evolve.workers.ray_workers import RayWorkers

    second = cluster.add_node(**NODE)
    spec = small.real(tmp_path, steps=300, rungs=(0.5, 1.0))
    tasks = {n: Candidate((small.CONV, small.MLP) * n) for n in range(1, 6)}
    workers = RayWorkers(spec, tmp_path / "ray", cluster.address)
    assert sum(node["Alive"] for node in ray.nodes()) == 2
    for number, candidate in tasks.items():
        workers.submit(number, candidate, 0)
    first: dict[int, Outcome] = {}
    for number, outcome in workers.completed():
        first[number] = outcome
        if len(first) == 1:
            kill = (second, False)
            threading.Thread(target=cluster.remove_node, args=kill).start()
    assert sum(node["Alive"] for node in ray.nodes()) == 1
    for number, candidate in tasks.items():
        workers.submit(number, candidate, 1)
    last = dict(workers.completed())
    workers.close()

    here = Inline(replace(spec, data=spec.data), tmp_path / "inline")
    for rung, found in enumerate((first, last)):
        for number, candidate in tasks.items():
            here.submit(number, candidate, rung)
        for number, outcome in here.completed():
            assert found[number].status == "ok", found[number].reason
            assert found[number].measures == outcome.measures
    for number in tasks:
        there = {p.name for p in (tmp_path / "ray" / str(number)).rglob("*")}
        assert there == {p.name for p in (tmp_path / "inline" / str(number)).rglob("*")}
        assert "goes on after step 150" in _log(tmp_path / "ray", number)


def _log(folder: Path, number: int) -> str:
    return (folder / str(number) / "log.txt").read_text()


SEARCH = """
model tiny { width = 128; vocab = 256; context = 256 }
search {
  pool = [SA-1, SA-3, Rec-1, GConv-1, GConv-1-Diff, GMemless]
  depth = [4, 6]
  seeds = [transformer_pp, lfm2]
  population = 8
  generations = 4
  minimize bits_per_byte, cache
  trainer = simulated(rungs = [1/4, 1])
}
"""


class Losing(Watch):
    """Takes a node away once the second generation is half measured.

    alive: nodes when each generation begins.
    """

    def __init__(self, lose: Callable[[], None]) -> None:
        self.lose, self.number, self.left = lose, 0, 4
        self.alive: dict[int, int] = {}

    def generation(self, number: int, tasks: Sequence[int], rung: int) -> None:
        self.number = number
        self.alive.setdefault(number, sum(node["Alive"] for node in ray.nodes()))

    def measured(self, candidate: int, rung: int, outcome: Outcome) -> None:
        if self.number == 1:
            self.left -= 1
            if self.left == 0:
                self.lose()


def test_a_whole_search_over_a_cluster_that_loses_a_node(
    cluster: Any, tmp_path: Path
) -> None:
    """The database is, to the byte, that of workers on this machine."""
    from starc.evolve.workers.ray_workers import RayWorkers

    problems = Problems()
    spec = read(SEARCH, problems)
    assert spec is not None and not problems
    second = cluster.add_node(**NODE)
    watch = Losing(lambda: cluster.remove_node(second, False))

    def over_ray(spec: Spec, folder: Folder) -> RayWorkers:
        return RayWorkers(spec, folder, cluster.address)

    end = coordinator.begin(spec, tmp_path / "ray", over_ray, watch)
    assert end.state == "finished" and end.evaluations == 32
    assert watch.alive[1] == 2 and watch.alive[3] == 1
    coordinator.begin(spec, tmp_path / "local", lambda s, f: Local(s, f, 2))
    there, here = (
        Database.open(tmp_path / name).dump(COMPARED) for name in ("ray", "local")
    )
    assert there == here
