"""The same evaluations on a real Ray cluster whose nodes come and go."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
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
from starc.evolve.stop import Stop, Stopped
from starc.evolve.storage.database import COMPARED, Database
from starc.evolve.views.watch import Watch
from starc.evolve.workers.local import Inline, Local, WorkersError
from starc.folders import Folder
from tests.evolve.evaluation import small
from tests.work import until

ray = pytest.importorskip("ray")
pytestmark = pytest.mark.slow

NODE = {"num_cpus": 1, "num_gpus": 0, "object_store_memory": 100 * 2**20}


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


def test_a_signal_ends_the_waiting(cluster: Any, tmp_path: Path) -> None:
    """As it does without Ray: the budget of minutes ends so, and Ctrl-C."""
    from starc.evolve.workers.ray_workers import RayWorkers

    spec = small.real(tmp_path, steps=100_000)
    workers = RayWorkers(spec, tmp_path / "ray", cluster.address)
    workers.submit(0, small.CANDIDATE, 0)
    with pytest.raises(Stopped, match="out of time"), Stop(1.0) as stop:
        with stop.waiting():
            list(workers.completed())
    workers.close()


def test_ray_s_own_processes_need_no_torch(cluster: Any, tmp_path: Path) -> None:
    """The processes that evaluate import it: once for each, and not twice."""
    from starc.evolve.workers.ray_workers import RayWorkers, _data

    spec = small.real(tmp_path)
    workers = RayWorkers(spec, tmp_path / "ray", cluster.address)

    def imported(common: object) -> bool:
        return "torch" in sys.modules

    given = ray.put((spec.to_json(), _data(spec), 1, str(tmp_path)))
    assert ray.get(ray.remote(imported).remote(given)) is False
    workers.close()


PAGE = Path(__file__).parents[3] / "docs" / "cluster.md"
NODE_OPTIONS = (
    "--block --num-cpus=1 --disable-usage-stats --object-store-memory=100000000"
)


def test_the_page_about_clusters(tmp_path: Path) -> None:
    """Its commands in their order, all machines being this one. Ray is started in the
    foreground, so that it can be ended without other people's, and small."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    blocks = re.findall(r"```(star|console)\n(.*?)```", PAGE.read_text(), re.DOTALL)
    bin_ = Path(sys.executable).parent
    environment = {**os.environ, "RAY_worker_niceness": "0"}
    environment["RAY_AUTH_MODE"] = "disabled"  # whatever ~/.ray has a token of
    environment["PATH"] = f"{bin_}:{environment['PATH']}"
    environment["RAY_ADDRESS"] = f"127.0.0.1:{port}"  # what `auto` finds
    started: list[subprocess.Popen[bytes]] = []
    ran: list[str] = []

    def run(line: str) -> None:
        line = line.removeprefix("$ ").replace("6379", port)
        command = shlex.split(line.replace("10.0.0.1", "127.0.0.1"))
        if command[:2] == ["ray", "start"]:
            command += NODE_OPTIONS.split()
            command += ["--include-dashboard=false"] * ("--head" in command)
            started.append(
                subprocess.Popen(
                    command, cwd=tmp_path, env=environment, start_new_session=True
                )
            )
            until(lambda: _nodes(port, environment) == len(started), "node of Ray")
            return
        assert command[0] == "starc"
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, (line, done.stderr)
        ran.append(done.stdout + done.stderr)

    try:
        for kind, text in blocks:
            if kind == "star":
                (tmp_path / "search.star").write_text(text)
                continue
            for line in text.splitlines():
                run(line)
    finally:
        for process in started:
            os.killpg(process.pid, signal.SIGTERM)
        for process in started:
            process.wait(60)
    assert len(started) == 2 and len(ran) == 3
    assert "finished: 8 evaluations" in ran[0]
    assert "finished before: 8 evaluations, none added" in ran[2]


def _nodes(port: str, environment: dict[str, str]) -> int:
    """How many machines the cluster has."""
    code = "import ray; ray.init('auto', log_to_driver=False); print(len(ray.nodes()))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    return int(done.stdout.split()[-1]) if done.returncode == 0 else 0


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


def _alive() -> int:
    """Nodes that the cluster counts on."""
    return sum(node["Alive"] for node in ray.nodes())


class Changing(Watch):
    """Changes the cluster when a generation is half measured, as `changes` says.

    alive: nodes when each generation begins.
    """

    def __init__(self, changes: dict[int, Callable[[], object]]) -> None:
        self.changes, self.number, self.left = changes, 0, 0
        self.alive: dict[int, int] = {}

    def generation(self, number: int, tasks: Sequence[int], rung: int) -> None:
        if number not in self.alive:
            self.number, self.left = number, 4
            self.alive[number] = _alive()

    def measured(self, candidate: int, rung: int, outcome: Outcome) -> None:
        self.left -= 1
        if self.left == 0 and self.number in self.changes:
            before = _alive()
            self.changes[self.number]()  # the cluster learns of it later
            until(lambda: _alive() != before, "change of the cluster")


def test_gpus_that_no_node_has(cluster: Any, tmp_path: Path) -> None:
    """Said before the first candidate; Ray is left as it was."""
    from starc.evolve.workers.ray_workers import RayWorkers

    spec = small.real(tmp_path, device="cuda")
    with pytest.raises(WorkersError, match="no node of the Ray cluster has a GPU"):
        RayWorkers(spec, tmp_path / "ray", cluster.address)
    assert not ray.is_initialized()
    for asked in (0.25, 1):  # whatever the device: they were asked for
        with pytest.raises(WorkersError, match=f"has {asked} GPUs: there are none"):
            RayWorkers(
                small.real(tmp_path), tmp_path / "ray", cluster.address, 1, asked
            )
    cluster.add_node(**{**NODE, "num_gpus": 1})
    with pytest.raises(WorkersError, match="no node of the Ray cluster has 2 GPUs"):
        RayWorkers(spec, tmp_path / "ray", cluster.address, gpus=2)


def test_parts_of_a_gpu(cluster: Any, tmp_path: Path) -> None:
    """Two candidates share the only one; on a node that only says that it has it."""
    from starc.evolve.workers.ray_workers import RayWorkers

    cluster.add_node(**{**NODE, "num_cpus": 2, "num_gpus": 1})
    workers = RayWorkers(
        small.real(tmp_path, device="cpu"), tmp_path / "ray", cluster.address, gpus=0.5
    )
    for number in (1, 2):
        workers.submit(number, Candidate((small.CONV, small.MLP) * number), 0)
    until(lambda: ray.available_resources().get("GPU", 0.0) == 0, "both at once")
    assert {outcome.status for _, outcome in workers.completed()} == {"ok"}
    workers.close()


def test_a_whole_search_over_nodes_that_come_and_go(
    cluster: Any, tmp_path: Path
) -> None:
    """The database is, to the byte, that of workers on this machine."""
    from starc.evolve.workers.ray_workers import RayWorkers

    problems = Problems()
    spec = read(SEARCH, problems)
    assert spec is not None and not problems
    lost = [cluster.add_node(**NODE) for _ in range(2)]
    watch = Changing(
        {
            0: lambda: cluster.remove_node(lost[0], False),
            1: lambda: cluster.add_node(**NODE),
            2: lambda: cluster.remove_node(lost[1], False),
        }
    )

    def over_ray(spec: Spec, folder: Folder) -> RayWorkers:
        return RayWorkers(spec, folder, cluster.address)

    end = coordinator.begin(spec, tmp_path / "ray", over_ray, watch)
    assert end.state == "finished" and end.evaluations == 32
    assert watch.alive == {0: 3, 1: 2, 2: 3, 3: 2}
    coordinator.begin(spec, tmp_path / "local", lambda s, f: Local(s, f, 2))
    there, here = (
        Database.open(tmp_path / name).dump(COMPARED) for name in ("ray", "local")
    )
    assert there == here
