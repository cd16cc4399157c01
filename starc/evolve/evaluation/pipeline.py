"""One evaluation, from a candidate to its outcome and its folder."""

import errno
import hashlib
import logging
import math
import os
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from starc import __version__
from starc.diagnostics import StarError
from starc.evolve.evaluation import outcome as outcomes
from starc.evolve.evaluation import simulated, static
from starc.evolve.evaluation.failure import Ended, failed, in_words, invalid
from starc.evolve.evaluation.outcome import Outcome
from starc.evolve.evaluation.requirements import require
from starc.evolve.problem.architecture import source
from starc.evolve.problem.candidate import Candidate
from starc.evolve.problem.spec import Spec
from starc.folders import Folder

LOG = "log.txt"
DISK = (errno.ENOSPC, errno.EROFS, errno.EDQUOT)
"""Errors that are not the candidate's: nothing is recorded, and the run ends."""
SOURCE = "candidate.star"


def evaluate(
    candidate: Candidate,
    spec: Spec,
    place: Folder | Path,
    rung: int,
    parents: tuple[int, ...] = (),
) -> Outcome:
    """The candidate's measures at the end of a rung, or why there are none.

    Leaves candidate.star, model.py, log.txt and metrics.json in its folder, and what a
    later rung goes on from. Asked again for what metrics.json already answers, it
    answers from there. Never raises, KeyboardInterrupt and SystemExit apart; OSError
    where the folder cannot be written, or the disk is full.

    parents: the names of folders beside its own, from whose tensors it starts.
    """
    folder = Folder.of(place)
    made_by = digest(candidate, spec, parents)
    known = outcomes.read(folder, rung, made_by)
    if known is not None:
        return known
    folder.make()
    measures: dict[str, float] = {}
    seconds: dict[str, float] = {}
    with _log(folder) as log:
        log.info("rung %d of candidate %s", rung, candidate.key())
        try:
            _evaluate(
                *(candidate, spec, folder, rung, made_by, measures, seconds, log),
                parents,
            )
            found = Outcome("ok", "", measures, seconds)
        except Ended as end:
            found = Outcome(end.status, in_words(end), measures, seconds)
        except Exception as error:  # whatever it is, the search goes on
            if isinstance(error, OSError) and error.errno in DISK:
                raise
            log.info("%s", traceback.format_exc())
            found = Outcome("failed", in_words(error), measures, seconds)
        log.info("%s %s", found.status, found.reason)
    found.write(folder, rung, made_by)
    return found


def digest(candidate: Candidate, spec: Spec, parents: tuple[int, ...] = ()) -> str:
    """Of all that decides an outcome."""
    of = (candidate.to_json(), spec.digest(), __version__, *map(str, parents))
    text = "\n".join(of)
    return hashlib.sha256(text.encode()).hexdigest()


def _evaluate(
    candidate: Candidate,
    spec: Spec,
    folder: Folder,
    rung: int,
    made_by: str,
    measures: dict[str, float],
    seconds: dict[str, float],
    log: logging.Logger,
    parents: tuple[int, ...],
) -> None:
    """Fills `measures` and `seconds` as far as it comes. Raises Ended."""
    with _timed(seconds, "compile"):
        try:
            text = source(candidate, spec)
        except StarError as error:
            said = error.diagnostics[0].label
            raise invalid(f"is no legal genome: {said}") from error
        folder.write(SOURCE, text)
        measures.update(static.of(candidate, spec))
    require(spec, measures)
    if spec.trainer.kind == "simulated":
        measures.update(simulated.measures(candidate, spec, measures, rung))
    elif any(one.label not in measures for one in static.asked(spec)):
        from starc.evolve.evaluation import real  # imports torch

        with _timed(seconds, "compile"):
            subject = real.prepare(candidate, spec, folder, text, seconds, log)
            subject.parents = parents
        real.measure(subject, rung, made_by, measures)
    for name, value in measures.items():
        if not math.isfinite(value):
            raise failed(f"{name} is {value}")
    require(spec, measures)
    for asked in spec.objectives:
        assert asked.label in measures, asked.label


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    began = time.monotonic()
    try:
        yield
    finally:
        seconds[stage] = seconds.get(stage, 0.0) + time.monotonic() - began


class _LogFile(logging.StreamHandler[IO[str]]):
    """Raises where a line cannot be written, instead of printing a traceback."""

    def __init__(self, folder: Folder) -> None:
        self.path = folder.path / LOG
        handle = folder.open(LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        super().__init__(os.fdopen(handle, "a", encoding="utf-8"))

    def close(self) -> None:
        super().close()
        self.stream.close()

    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        if isinstance(error, OSError):
            raise OSError(error.errno, error.strerror, str(self.path)) from error
        super().handleError(record)


@contextmanager
def _log(folder: Folder) -> Iterator[logging.Logger]:
    """Lines with the time of day at the end of a file; earlier rungs stay there."""
    log = logging.Logger("evaluation")
    handler = _LogFile(folder)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log.addHandler(handler)
    try:
        yield log
    finally:
        with suppress(OSError):  # of what could not be written, and was reported
            handler.close()
