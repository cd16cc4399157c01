"""evolve, front and pick: a search, its front, and one candidate of it."""

import os
import sys
from json import dumps
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

from starc.choices import ALGORITHMS, FRONT_FORMATS, LOGS
from starc.cli import complete, streams
from starc.cli.failure import INTERRUPTED, WRONG_INPUT, Failure, needs
from starc.cli.options import (
    SEEDS,
    Data,
    Json,
    Output,
    Run,
    argument,
    input_argument,
    number,
    one_of,
    option,
    output_option,
)
from starc.cli.streams import STANDARD, write
from starc.numerals import counted

if TYPE_CHECKING:
    from starc.evolve.coordinator import End, MakeWorkers
    from starc.evolve.problem.spec import Spec
    from starc.evolve.storage.database import Database
    from starc.evolve.storage.rows import Row
    from starc.evolve.views.records import Record
    from starc.folders import Folder


def evolve(
    file: Annotated[
        str | None,
        input_argument("FILE", "A .star file with a search block; - is stdin."),
    ] = None,
    output: Annotated[
        Path | None, output_option("RUN", "By default runs/NAME.")
    ] = None,
    resume: Annotated[
        Path | None,
        option(
            "--resume",
            metavar="RUN",
            help="Go on where it stopped.",
            complete=complete.runs,
        ),
    ] = None,
    data: Data = None,
    seed: Annotated[int | None, number("Instead of the one in FILE.", 0, SEEDS)] = None,
    algorithm: Annotated[
        str | None, one_of(ALGORITHMS, "--algorithm", "Instead of the one in FILE.")
    ] = None,
    repair: Annotated[
        bool | None,
        option("--repair/--no-repair", help="Whether children are repaired."),
    ] = None,
    generations: Annotated[int | None, number("Budget.")] = None,
    evaluations: Annotated[int | None, number("Budget.")] = None,
    minutes: Annotated[
        float | None, number("Budget, of all sessions together.", 0.01)
    ] = None,
    device: Annotated[
        str | None, option(help="cpu, cuda, cuda:1, ...; by default the best.")
    ] = None,
    workers: Annotated[
        int | None, number("Processes; by default one for each core.", 1, 4096)
    ] = None,
    threads: Annotated[int, number("Of each process.", 1, 4096)] = 1,
    ray: Annotated[
        str | None,
        option(
            metavar="[ADDRESS]", help="Evaluate on a Ray cluster; alone: one from here."
        ),
    ] = None,
    gpus: Annotated[
        float | None,
        number("With --ray: of each evaluation, or a part of one.", 0.01, 64),
    ] = None,
    log: Annotated[
        str | None, one_of(LOGS, "--log", "Also curves as it goes on, in RUN/log.")
    ] = None,
) -> None:
    """Search for architectures, as the search block of FILE says.

    All that is found goes to RUN, and a run that was stopped goes on with --resume.
    """
    needs("pymoo", "evolve")
    if gpus and ray is None:
        raise Failure("--gpus is of a cluster: --ray too", WRONG_INPUT)
    if gpus and gpus > 1 and gpus % 1:
        raise Failure(f"--gpus {gpus:g}: a part of one, or a whole number", WRONG_INPUT)
    for library in LOGS[log] if log else ():
        needs(library, log or "", f"--log {log} needs")
    from starc.evolve import coordinator
    from starc.evolve.storage.errors import RunError
    from starc.evolve.views.live import View
    from starc.evolve.views.log import Log
    from starc.evolve.views.watch import All
    from starc.evolve.workers.local import WorkersError

    budget = {
        "generations": generations,
        "evaluations": evaluations,
        "minutes": minutes,
    }
    given = {n: value for n, value in budget.items() if value is not None}
    deciding = {"data": data, "seed": seed, "algorithm": algorithm, "repair": repair}
    team, here = _team(workers, threads, ray, gpus), ray is None
    try:
        with View(streams.console()) as view:
            if resume is not None:
                _only_resume(file, output, deciding | {"device": device})
                folder, spec = resume, None
            else:
                folder, spec = _new(file, output, deciding, device, given)
            watch = All(view, Log(log, folder, view.say)) if log else view
            if spec is None:
                end = coordinator.resume(folder, team, watch, given, here)
            else:
                end = coordinator.begin(spec, folder, team, watch, here)
    except (RunError, WorkersError) as error:
        raise Failure(str(error), WRONG_INPUT) from error
    _say(end, folder)


def _new(
    file: str | None,
    output: Path | None,
    deciding: dict[str, Any],
    device: str | None,
    budget: dict[str, Any],
) -> "tuple[Path, Spec]":
    from dataclasses import replace

    from starc.diagnostics import Problems
    from starc.evolve.problem import reading

    if file is None:
        raise Failure("a FILE with a search block, or --resume RUN")
    problems = Problems()
    spec = reading.read(streams.read_source(file), problems)
    problems.check()
    assert spec is not None, "a problem was added"
    if budget and "generations" not in budget:
        budget = {"generations": 0, **budget}  # another budget is stated
    if deciding["data"] is not None:
        deciding["data"] = str(Path(deciding["data"]).resolve())
    spec = replace(
        spec, **{n: v for n, v in deciding.items() if v is not None}, **budget
    )
    if device is not None:
        spec = replace(spec, trainer=replace(spec.trainer, device=device))
    return output or Path("runs") / spec.name, spec


def _only_resume(
    file: str | None, output: Path | None, deciding: dict[str, Any]
) -> None:
    named = [f"--{name}" for name, value in deciding.items() if value is not None]
    named += ["FILE"] if file is not None else []
    named += ["-o"] if output is not None else []
    if named:
        raise Failure(f"--resume goes on with the same search: leave out {named[0]}")


def _team(
    count: int | None, threads: int, ray: str | None, gpus: float | None
) -> "MakeWorkers":
    def make(spec: "Spec", folder: "Folder") -> Any:
        if ray is not None:
            needs("ray", "ray")
            from starc.evolve.workers.ray_workers import RayWorkers

            address = "" if ray == "local" else ray
            return RayWorkers(spec, folder, address, threads, gpus)
        from starc.evolve.workers.local import Inline, Local

        if spec.trainer.kind == "simulated" and count is None:
            return Inline(spec, folder)
        return Local(spec, folder, count or _cores(), threads)

    return make


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


def _say(end: "End", folder: Path) -> None:
    evaluations = counted(end.evaluations, "evaluation")
    if end.before:
        streams.tell(f"finished before: {evaluations}, none added")
        streams.tell(f"starc front {quote(str(folder))} prints what was found")
        return
    engine = f"{1000 * end.engine:.1f} ms an evaluation besides measuring"
    streams.tell(f"{end.state}: {evaluations}, {engine}")
    if end.failure:
        said = f"every candidate failed for one reason: {end.failure}"
        raise Failure(said, WRONG_INPUT)
    if end.state != "finished":
        streams.tell(f"starc evolve --resume {quote(str(folder))} goes on")
    else:
        streams.tell(f"starc front {quote(str(folder))} prints what was found")
    if end.state == "interrupted":
        sys.exit(128 + end.signal if end.signal else INTERRUPTED)


def front(
    run: Run,
    json: Json = False,
    format: Annotated[
        str, one_of(FRONT_FORMATS, "--format", "By default a table for people.")
    ] = "text",
    time: Annotated[
        int | None, number("Rounds in which all are timed again, in turn.", 2, 100)
    ] = None,
    output: Output = STANDARD,
) -> None:
    """Print the front of a run: what nothing is better than in every objective.

    csv and parquet have a row for a candidate and a column for each measure; parquet
    needs pyarrow. --json is --format json. With --time: seconds a token (p50 and p95),
    to the first token, and prefill tokens a second, of the named first members too:
    medians of rounds in which each model is timed once, and how far even and odd rounds
    differ.
    """
    needs("pymoo", "evolve")
    if format == "parquet":
        needs("pyarrow", "tables")
    from starc.evolve.views import front as fronts
    from starc.evolve.views import records

    if time:
        needs("torch", "torch")
        from starc.evolve.views import latency
    database = _open(run)
    rows, spec = fronts.members(database), database.spec()
    if time:
        found = told = _timed(database, rows, run, time)
    else:
        found = records.records(rows, spec, {row.id for row in rows})
        told = fronts.as_json(rows, spec)
    text: str | bytes
    if json or format == "json":
        text = dumps(told, indent=2) + "\n"
    elif format == "csv":
        text = records.as_csv(found)
    elif format == "parquet":
        text = records.as_parquet(found)
    elif not rows:
        streams.tell("nothing was measured to the end yet")
        return
    elif time:
        text = latency.as_text(found)
    else:
        text = fronts.as_text(rows, spec)
    write(output, text)


def _timed(
    database: "Database", front: "list[Row]", run: Path, rounds: int
) -> "list[Record]":
    from starc.evolve.storage.errors import RunError
    from starc.evolve.views import latency

    try:
        return latency.again(database, front, run, rounds)
    except RunError as error:
        raise Failure(str(error), WRONG_INPUT) from error


def pick(
    run: Run,
    id: Annotated[
        int,
        argument(
            metavar="ID",
            low=0,
            high=SEEDS,
            help="As `starc front` prints it.",
            complete=complete.candidates,
        ),
    ],
    output: Annotated[Path, output_option("DIR", "Where to write.")],
    checkpoint: Annotated[
        bool,
        option("--checkpoint", help="Also its training, for `starc train --resume`."),
    ] = False,
) -> None:
    """Write one candidate: its .star, model.py, weights if there are any, a card.

    With --checkpoint, `starc train DIR/model.py -o DIR --resume --steps N` trains it on
    from where the search stopped.
    """
    needs("pymoo", "evolve")
    from starc.evolve.storage.errors import RunError
    from starc.evolve.views import pick as picks

    database = _open(run)
    try:
        for path in picks.pick(database, id, output, checkpoint):
            streams.say_path(path)
    except RunError as error:
        raise Failure(str(error), WRONG_INPUT) from error


def _open(run: Path) -> "Database":
    from starc.evolve.storage.database import Database
    from starc.evolve.storage.errors import RunError

    try:
        return Database.open(run)
    except RunError as error:
        raise Failure(str(error), WRONG_INPUT) from error
