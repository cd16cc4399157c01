"""Whole searches with a simulated trainer: order, duplicates, budgets, mistakes."""

import json
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy
import pytest

from starc.evolve import coordinator
from starc.evolve.evaluation import preflight
from starc.evolve.evaluation.outcome import Outcome
from starc.evolve.problem.architecture import genome_text
from starc.evolve.problem.spec import Objective, Spec, Trainer
from starc.evolve.report.page import report
from starc.evolve.selection.ranking import front, score
from starc.evolve.storage.database import COMPARED, Database
from starc.evolve.storage.errors import RunError
from starc.evolve.storage.lock import Lock
from starc.evolve.views.front import as_json, as_text, members
from starc.evolve.views.pick import card, pick
from starc.evolve.workers.local import Workers, WorkersError
from starc.folders import Folder
from starc.genome import canonical, write
from tests.evolve.loop.searches import SMALL, Shuffled, inline, run, spec_of, tables


@pytest.mark.parametrize("algorithm", ["nsga2", "ga", "random", "map_elites"])
def test_the_order_of_completion_makes_no_difference(
    tmp_path: Path, algorithm: str
) -> None:
    spec = spec_of(SMALL + f"algorithm = {algorithm}\n", "simulated(rungs = [1/2, 1])")
    found = []
    for seed in (1, 2):
        folder = tmp_path / str(seed)
        coordinator.begin(spec, folder, lambda s, f, n=seed: Shuffled(s, f, n))  # type: ignore[misc]
        found.append(tables(folder))
    assert found[0] == found[1]


def test_candidates_are_new_and_accounted_for(tmp_path: Path) -> None:
    database = run(spec_of(SMALL), tmp_path / "run")
    rows = database.candidates()
    assert [row.id for row in rows] == list(range(1, 33))
    assert [row.origin for row in rows[:3]] == [
        "seed:transformer_pp",
        "seed:lfm2",
        "seed:striped_hybrid",
    ]
    assert len({row.function for row in rows}) == len({row.key for row in rows}) == 32
    for row in rows:
        assert row.outcome is not None and row.outcome.status in ("ok", "failed")
        assert all(0 < parent < row.id for parent in row.parents)
        assert (tmp_path / "run/candidates" / str(row.id) / "candidate.star").is_file()
    generations = database.generations()
    assert [g.number for g in generations] == [0, 1, 2, 3]
    volumes = [g.hypervolume for g in generations]
    assert volumes == sorted(volumes)
    spec = database.spec()
    all_scored = [score(r.id, 0, r.outcome, spec) for r in rows if r.outcome]
    assert set(generations[-1].front) == {one.id for one in front(all_scored)}
    tried = generations[2].statistics["proposal"]["tried"]
    assert tried >= 8 and database.meta("state") == "finished"


def test_a_tiny_space_is_searched_to_its_end(tmp_path: Path) -> None:
    """GConv-1(kernel = 3) is GConv-1: 2 functions, whatever the genes say."""
    spec = spec_of(
        "pool = [GConv-1]; depth = 1; open = [GConv-1(kernel = [3, 4])]; "
        "seeds = [backbone]; evaluations = 1000; population = 4",
        model="model m { width = 64; vocab = 256 }\nbackbone { GConv-1 }\n",
    )
    database = run(spec, tmp_path / "run")
    assert database.count() == 2
    counted = [database.proposal(n) for n in range(len(database.generations()))]
    assert sum(c.get("seen as function", 0) for c in counted if c) > 0
    assert sum(c.get("seen as genome", 0) for c in counted if c) > 0


def test_the_budget_in_evaluations_is_kept(tmp_path: Path) -> None:
    spec = spec_of(SMALL.replace("generations = 4", "evaluations = 21"))
    database = run(spec, tmp_path / "run")
    assert database.count() == 21 and len(database.generations()) == 3


def test_the_budget_in_minutes_ends_a_run_that_may_go_on(tmp_path: Path) -> None:
    spec = spec_of(SMALL.replace("generations = 4", "minutes = 0.01"))
    folder = tmp_path / "run"
    assert coordinator.begin(spec, folder, inline).state == "out of time"
    assert Database.open(folder).seconds("elapsed") > 0.3
    before = Database.open(folder).count()
    budget = {"minutes": 0.0, "generations": 1 + before // 8}
    end = coordinator.resume(folder, inline, budget=budget)
    assert end.state == "finished" and Database.open(folder).count() > before


def test_more_generations_are_as_if_asked_for_at_once(tmp_path: Path) -> None:
    run(spec_of(SMALL.replace("generations = 4", "generations = 2")), tmp_path / "a")
    coordinator.resume(tmp_path / "a", inline, budget={"generations": 4})
    run(spec_of(SMALL), tmp_path / "b")
    assert tables(tmp_path / "a") == tables(tmp_path / "b")


def test_without_repair_illegal_ones_are_recorded_and_cost_nothing(
    tmp_path: Path,
) -> None:
    spec = spec_of(SMALL + "variation = paper\nrepair = false\n")
    database = run(spec, tmp_path / "run")
    invalid = [r for r in database.candidates() if r.key.startswith("illegal:")]
    assert invalid and all(r.generation > 0 for r in invalid)
    for row in invalid:
        assert row.outcome is not None and row.outcome.status == "invalid"
        assert "LIV" in row.outcome.reason
        assert not (tmp_path / "run/candidates" / str(row.id)).exists()


def test_halving_stops_some_and_keeps_what_they_had(tmp_path: Path) -> None:
    spec = spec_of(SMALL, "simulated(rungs = [1/4, 1/2, 1], keep = 1/2)")
    database = run(spec, tmp_path / "run")
    rows = database.candidates()
    rungs = [
        row.rung for row in rows if row.outcome and row.outcome.status == "stopped"
    ]
    assert {0, 1} == set(rungs)
    for row in rows:
        if row.outcome and row.outcome.status == "stopped":
            assert database.rung(row.rung or 0, row.generation)[row.id].status == "ok"
            assert (
                row.outcome.measures and row.id not in database.generations()[-1].front
            )
    assert all(r.rung == 2 for r in rows if r.origin.startswith("seed:"))


@pytest.mark.parametrize(
    ("content", "objective", "said"),
    [
        (None, "loss", "No such file"),
        (b"", "loss", "too few"),
        (b"short", "loss", "too few"),
        (b"text " * 500, "no_such_module:f", "no_such_module"),
        (b"text " * 500, "json:no_such_function", "no_such_function"),
    ],
)
def test_what_no_candidate_could_pass_is_reported_before_the_first(
    tmp_path: Path, content: bytes | None, objective: str, said: str
) -> None:
    if content is not None:
        (tmp_path / "text").write_bytes(content)
    spec = replace(
        spec_of(SMALL),
        trainer=Trainer(context=64),
        data=str(tmp_path / "text"),
        objectives=(Objective(objective, "min"), Objective("cache", "min")),
    )
    with pytest.raises(RunError, match=said):
        coordinator.begin(spec, tmp_path / "run", inline)
    assert not (tmp_path / "run").exists()


def test_data_that_is_not_there_is_reported_even_where_nobody_reads_it(
    tmp_path: Path,
) -> None:
    spec = replace(spec_of(SMALL), data=str(tmp_path / "nosuch.txt"))
    with pytest.raises(RunError, match="nosuch.txt: No such file"):
        coordinator.begin(spec, tmp_path / "run", inline)
    assert not (tmp_path / "run").exists()


def test_a_vocabulary_that_cannot_hold_the_data(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"text " * 500)
    array = tmp_path / "tokens.npy"
    numpy.save(array, numpy.arange(5_000, dtype=numpy.uint16))
    for data, needed in (("text", 256), (array.name, 5_000)):
        model = f"model tiny {{ width = 128; vocab = {needed - 1} }}\n"
        trainer = "real(steps = 1, batch = 1, context = 16)"
        spec = spec_of("pool = [GMemless]; depth = 1\nminimize loss", trainer, model)
        spec = replace(spec, data=str(tmp_path / data))
        with pytest.raises(RunError, match=f"{data}: vocab = .* = {needed} or more"):
            coordinator.begin(spec, tmp_path / "run", inline)
        preflight.check(replace(spec, model=(("width", "8"), ("vocab", str(needed)))))
    assert not (tmp_path / "run").exists()


def test_devices_of_a_cluster_are_not_looked_for_here() -> None:
    """With --ray candidates run elsewhere: only the data are this machine's."""
    spec = replace(spec_of(SMALL), trainer=Trainer(device="cuda:99", context=64))
    preflight.check(spec, here=False)
    with pytest.raises(preflight.NotPossible, match="cuda:99"):
        preflight.check(spec)
    with pytest.raises(preflight.NotPossible, match="No such file"):
        preflight.check(replace(spec, data="nosuch"), here=False)


def test_a_device_that_is_not_there_and_a_folder_in_a_file(tmp_path: Path) -> None:
    spec = replace(spec_of(SMALL), trainer=Trainer(device="cuda:99"))
    with pytest.raises(RunError, match="device cuda:99 cannot be used"):
        coordinator.begin(spec, tmp_path / "run", inline)
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="is no folder"):
        coordinator.begin(spec_of(SMALL), tmp_path / "file" / "run", inline)


def test_a_run_in_which_all_fails_for_one_reason_says_it(tmp_path: Path) -> None:
    class Failing(Shuffled):
        def completed(self) -> Iterator[tuple[int, Outcome]]:
            while self.tasks:
                id = self.tasks.pop()[0]
                yield id, Outcome(status, f"no luck at step {id}")

    for status in ("failed", "invalid"):
        folder = tmp_path / status
        end = coordinator.begin(spec_of(SMALL), folder, lambda s, f: Failing(s, f, 0))
        assert end.failure.startswith("no luck")
    other = coordinator.begin(spec_of(SMALL), tmp_path / "fine", inline)
    assert other.failure == ""


def test_a_folder_that_is_deleted_in_the_middle_is_an_error(tmp_path: Path) -> None:
    class Deleting(Shuffled):
        def completed(self) -> Iterator[tuple[int, Outcome]]:
            for id, outcome in super().completed():
                shutil.rmtree(tmp_path / "run", ignore_errors=True)
                yield id, outcome

    with pytest.raises(RunError, match="was deleted or replaced"):
        coordinator.begin(
            spec_of(SMALL), tmp_path / "run", lambda s, f: Deleting(s, f, 0)
        )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("file", ["log.txt", "candidate.star", "metrics.json"])
def test_a_full_disk_names_the_file(
    file: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And nothing is recorded: the run goes on to the same end once there is room."""
    opened, replaced = Folder.open, Folder.replaced

    def full_open(self: Folder, name: str, flags: int = os.O_RDONLY) -> int:
        if name == file and flags & os.O_WRONLY:
            return os.open("/dev/full", os.O_WRONLY)
        return opened(self, name, flags)

    @contextmanager
    def full_replaced(self: Folder, name: str, durable: bool = False) -> Iterator[Path]:
        with replaced(self, name, durable) as path:
            yield Path("/dev/full") if name == file else path

    with monkeypatch.context() as patch:
        patch.setattr(Folder, "open", full_open)
        patch.setattr(Folder, "replaced", full_replaced)
        with pytest.raises((RunError, OSError)) as caught:
            coordinator.begin(spec_of(SMALL), tmp_path / "run", inline)
    said = str(caught.value)
    assert f"candidates/1/{file}" in said and "No space left" in said
    assert "Logging error" not in capfd.readouterr().err
    coordinator.resume(tmp_path / "run", inline)
    run(spec_of(SMALL), tmp_path / "whole")
    assert tables(tmp_path / "run") == tables(tmp_path / "whole")


EXHAUSTED = "pool = [GMemless]; depth = 1; population = 2; generations = 30"


def test_a_finished_run_says_so_and_does_nothing(tmp_path: Path) -> None:
    run(spec_of(EXHAUSTED), tmp_path)
    before = Database.open(tmp_path).dump([*COMPARED, "timings"])
    for budget in ({}, {"generations": 60}):
        end = coordinator.resume(tmp_path, inline, budget=budget)
        assert end.state == "finished" and end.before
    budget = {"generations": 30}
    coordinator.resume(tmp_path, inline, budget=budget)
    assert Database.open(tmp_path).dump([*COMPARED, "timings"]) == before


@pytest.mark.parametrize("settings", [EXHAUSTED, SMALL])
def test_wherever_a_run_stops_it_goes_on_to_the_same_end(
    tmp_path: Path, settings: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped before each of its transactions in turn, and resumed to its end."""
    spec = spec_of(settings)
    run(spec, tmp_path / "whole")
    expected, plain = tables(tmp_path / "whole"), Database.transaction

    def begun(folder: Path, moment: int) -> bool:
        """Whether a run came to its end before its transaction number `moment`."""
        count = 0

        def transaction(self: Database) -> AbstractContextManager[None]:
            nonlocal count
            count += 1
            if count == moment + 1:
                raise KeyboardInterrupt
            return plain(self)

        with monkeypatch.context() as patch:
            patch.setattr(Database, "transaction", transaction)
            try:
                coordinator.begin(spec, folder, inline)
            except KeyboardInterrupt:
                return False
        return True

    moment, stride = 1, 1 if settings == EXHAUSTED else 7
    while not begun(tmp_path / str(moment), moment):
        coordinator.resume(tmp_path / str(moment), inline)
        assert tables(tmp_path / str(moment)) == expected, moment
        moment += stride
    assert moment > 10


def test_a_liv_without_a_code_has_a_dash_for_its_genome(tmp_path: Path) -> None:
    model = "model m { width = 64; vocab = 256 }\n"
    spec = spec_of(
        "pool = [GLA]; depth = 1; population = 1; generations = 1", model=model
    )
    database = run(spec, tmp_path)
    text = as_text(members(database), spec)
    assert text.splitlines()[1].endswith("  -") and "101" not in text
    assert as_json(members(database), spec)[0]["genome"] is None
    page = report(tmp_path)
    assert '"genome":"-"' in page and not re.search(r"101([.]\d){4}", page)
    assert "`-`" in card(members(database)[0], spec, True, False)


def test_a_genome_is_the_same_wherever_it_stands(tmp_path: Path) -> None:
    """Canonical, in the table, as JSON, on the page and on the card."""
    database = run(spec_of(SMALL), tmp_path)
    spec, page = database.spec(), report(tmp_path)
    for row in members(database):
        text = genome_text(row.candidate, spec)
        (found,) = as_json([row], spec)
        assert write(tuple(map(tuple, found["genome"]))) == text
        assert text == write(canonical(row.candidate.genome))
        for shown in (as_text([row], spec), page, card(row, spec, True, False)):
            assert text in shown


# What may go wrong --------------------------------------------------------------------


def test_workers_that_cannot_be_had_leave_no_folder(tmp_path: Path) -> None:
    def without(spec: Spec, folder: Folder) -> Workers:
        raise WorkersError("no node of the Ray cluster has a GPU")

    with pytest.raises(WorkersError):
        coordinator.begin(spec_of(SMALL), tmp_path / "run", without)
    assert not any(tmp_path.iterdir())


def test_a_folder_that_holds_a_run(tmp_path: Path) -> None:
    run(spec_of(SMALL), tmp_path)
    with pytest.raises(RunError, match="holds a run: --resume goes on"):
        coordinator.begin(spec_of(SMALL), tmp_path, inline)


def test_no_run_there(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no run"):
        coordinator.resume(tmp_path, inline)
    (tmp_path / "evolve.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(RunError, match="no database of a run"):
        coordinator.resume(tmp_path, inline)


def test_a_run_killed_before_its_first_step_starts_again(tmp_path: Path) -> None:
    (tmp_path / "evolve.sqlite").touch()
    with pytest.raises(RunError, match="start it again without --resume"):
        coordinator.resume(tmp_path, inline)
    assert run(spec_of(SMALL), tmp_path).count() == 32


def test_another_version(tmp_path: Path) -> None:
    run(spec_of(SMALL), tmp_path)
    with sqlite3.connect(tmp_path / "evolve.sqlite") as connection:
        connection.execute("UPDATE meta SET value = '99' WHERE key = 'schema'")
    before = (tmp_path / "evolve.sqlite").read_bytes()
    with pytest.raises(RunError, match="tables of version 99"):
        coordinator.resume(tmp_path, inline)
    assert (tmp_path / "evolve.sqlite").read_bytes() == before


def test_a_second_coordinator_in_one_process(tmp_path: Path) -> None:
    run(spec_of(SMALL), tmp_path)
    lock = Lock(tmp_path)
    lock.take()
    with pytest.raises(RunError, match=f"being searched by process {os.getpid()}"):
        coordinator.resume(tmp_path, inline)
    lock.release()
    coordinator.resume(tmp_path, inline)


def test_a_full_database_says_so_and_loses_nothing(tmp_path: Path) -> None:
    """Sqlite's limit of pages is what a full disk is to it."""
    spec = spec_of(SMALL)
    run(spec, tmp_path / "whole")
    folder = tmp_path / "run"
    real = Database.create

    def small(folder: Path, spec: object) -> Database:
        database = real(folder, spec)  # type: ignore[arg-type]
        database.connection.execute("PRAGMA max_page_count = 22")
        return database

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Database, "create", small)
        with pytest.raises(RunError, match="the disk is full.*--resume"):
            coordinator.begin(spec, folder, inline)
    done = Database.open(folder).candidates()
    assert any(row.outcome for row in done)
    coordinator.resume(folder, inline)
    assert tables(folder) == tables(tmp_path / "whole")


def test_a_full_disk_of_a_worker_is_not_the_candidates_fault(tmp_path: Path) -> None:
    class Full(Shuffled):
        def completed(self):  # type: ignore[no-untyped-def]
            for number, (task, outcome) in enumerate(super().completed()):
                if number == 3:
                    full = "OSError: [Errno 28] No space left on device"
                    outcome = Outcome("failed", full)
                yield task, outcome

    spec = spec_of(SMALL)
    with pytest.raises(RunError, match="No space left on device; --resume goes on"):
        coordinator.begin(spec, tmp_path / "run", lambda s, f: Full(s, f, 1))
    assert not [
        row
        for row in Database.open(tmp_path / "run").candidates()
        if row.outcome and "space" in row.outcome.reason
    ]
    coordinator.resume(tmp_path / "run", inline)
    run(spec, tmp_path / "whole")
    assert tables(tmp_path / "run") == tables(tmp_path / "whole")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder(tmp_path: Path) -> None:
    run(spec_of(SMALL), tmp_path / "run")
    (tmp_path / "run").chmod(0o500)
    with pytest.raises((RunError, OSError)):
        coordinator.resume(tmp_path / "run", inline)
    (tmp_path / "run").chmod(0o700)


def test_a_read_only_database_says_so(tmp_path: Path) -> None:
    database = run(spec_of(SMALL), tmp_path)
    with pytest.raises(RunError, match="read-only"):
        database.set_meta(state="broken")


# Reading and picking ------------------------------------------------------------------


def test_the_front_and_a_pick(tmp_path: Path) -> None:
    database = run(spec_of(SMALL), tmp_path / "run")
    rows, spec = members(database), database.spec()
    assert {row.id for row in rows} == set(database.generations()[-1].front)
    text = as_text(rows, spec).splitlines()
    assert len(text) == len(rows) + 1 and text[0].startswith("id  bits_per_byte")
    assert json.loads(json.dumps(as_json(rows, spec)))[0]["id"] == rows[0].id
    row = next((row for row in rows if row.changes), rows[0])
    weights = tmp_path / "run/candidates" / str(row.id) / "weights.safetensors"
    weights.write_bytes(b"weights")
    written = pick(database, row.id, tmp_path / "picked")
    assert {path.name for path in written} == {
        f"tiny_{row.id}.star",
        "model.py",
        "card.md",
        "weights.safetensors",
    }
    assert (tmp_path / f"picked/tiny_{row.id}.star").read_text() == row.source
    card = (tmp_path / "picked/card.md").read_text()
    assert "on the front" in card and "bits a byte" in card
    compile((tmp_path / "picked/model.py").read_text(), "model.py", "exec")
    with pytest.raises(RunError, match="no candidate 999"):
        pick(database, 999, tmp_path / "picked")


def test_readers_do_not_disturb(tmp_path: Path) -> None:
    database = run(spec_of(SMALL), tmp_path / "run")
    shutil.copytree(tmp_path / "run", tmp_path / "copy")
    assert Database.open(tmp_path / "copy").dump(COMPARED) == database.dump(COMPARED)
