"""A run in its folder: begun or resumed, by one process at a time."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from starc.evolve.evaluation import preflight
from starc.evolve.loop import Search, over
from starc.evolve.problem.spec import Spec
from starc.evolve.stop import Stop
from starc.evolve.storage.database import CANDIDATES, Database
from starc.evolve.storage.errors import RunError
from starc.evolve.storage.lock import Lock
from starc.evolve.views.watch import Watch
from starc.evolve.workers.local import Workers
from starc.folders import Folder, refuse_odd

MakeWorkers = Callable[[Spec, Folder], Workers]
"""From the spec and the folder of the candidates' folders."""


@dataclass(frozen=True)
class End:
    """state: finished, interrupted or out of time. engine: seconds an evaluation, of
    all that is neither training nor timing."""

    state: str
    evaluations: int
    engine: float
    signal: int = 0
    before: bool = False  # it had ended already: nothing was done
    failure: str = ""  # the reason, where all candidates failed for one


def begin(
    spec: Spec,
    folder: Path,
    workers: MakeWorkers,
    watch: Watch | None = None,
    here: bool = True,
) -> End:
    """A new run. Raises RunError, also where `folder` holds one; OSError.

    here: whether the workers are on this machine, so that its devices are theirs.
    """
    _possible(spec, folder, here)
    with closing(workers(spec, _candidates(folder))) as team:  # may find no GPU
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder), _closed(Database.create(folder, spec)) as database:
            return _run(database, team, watch)


def resume(
    folder: Path,
    workers: MakeWorkers,
    watch: Watch | None = None,
    budget: dict[str, Any] | None = None,
    here: bool = True,
) -> End:
    """Goes on where a run stopped; `budget`: those of BUDGET that change."""
    Database.open(folder).close()  # before anything is written: is there a run?
    with _locked(folder), _closed(Database.open(folder, write=True)) as database:
        before = database.spec()
        spec = replace(before, **(budget or {}))
        if spec != before:
            database.set_meta(spec=spec.to_json())
        last, count = database.last_generation(), database.evaluations()
        if last is not None and over(database, spec, last.number + 1, count):
            if database.meta("state") != "finished":
                database.set_meta(state="finished")
            return End("finished", count, 0.0, before=True)
        _possible(spec, folder, here)
        with closing(workers(spec, _candidates(folder))) as team:
            return _run(database, team, watch)


def _candidates(folder: Path) -> Folder:
    return Folder(folder.resolve()) / CANDIDATES


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """The lock of a run, and nothing in it that leads out of its folder. RunError."""
    lock = Lock(folder)
    try:
        try:
            lock.take()
            refuse_odd(folder / CANDIDATES)
        except OSError as error:
            raise RunError(f"{error.filename}: {error.strerror}") from error
        yield
    finally:
        lock.release()


@contextmanager
def _closed(database: Database) -> Iterator[Database]:
    try:
        yield database
    finally:
        with suppress(RunError):  # of a full disk, which was told already
            database.close()


def _possible(spec: Spec, folder: Path, here: bool) -> None:
    """Before anything is made: whether any candidate could be measured at all."""
    try:
        preflight.check_folder(folder)
        preflight.check(spec, here)
    except preflight.NotPossible as error:
        raise RunError(str(error)) from error


def _run(database: Database, team: Workers, watch: Watch | None) -> End:
    """From wherever the database stands to the end of the budget, or a signal."""
    left, minutes = 0.0, database.spec().minutes
    if minutes:
        left = max(60 * minutes - database.seconds("elapsed"), 1e-3)
    with Stop(left) as stop:
        search = Search(database, team, stop, watch or Watch())
        if database.meta("state") != "running":
            database.set_meta(state="running")
        state = search.run()
    database.set_meta(state=state)
    return End(
        state,
        search.count,
        database.seconds("engine") / max(1, search.count),
        stop.signal,
        failure=database.common_failure(),
    )
