"""A candidate as a real model: emitted, checked, timed, trained."""

import logging
import math
from pathlib import Path

from starc import compiler
from starc.evolve.evaluation import (
    custom,
    data,
    gates,
    mad,
    outcome,
    repeats,
    static,
    timing,
    trainer,
)
from starc.evolve.evaluation.failure import failed
from starc.evolve.evaluation.requirements import require
from starc.evolve.evaluation.subject import Subject
from starc.evolve.problem.candidate import Candidate
from starc.evolve.problem.objectives import MEASURES, TIMED
from starc.evolve.problem.spec import Spec
from starc.folders import Folder
from starc.training import device, emitted
from starc.training.settings import TrainingError
from starc.training.text import Text

MODEL = "model.py"
QUALITY = ("loss", "perplexity", "bits_per_byte")


def prepare(
    candidate: Candidate,
    spec: Spec,
    place: Folder | Path,
    text: str,
    seconds: dict[str, float],
    log: logging.Logger,
) -> Subject:
    """Compiles and imports. Raises Ended where that fails."""
    folder = Folder.of(place)
    model = compiler.compile(text, "candidate.star")
    try:
        where = device.choose(spec.trainer.device)
        folder.write(MODEL, model)
        module = emitted.of_source(model.encode(), folder.path / MODEL)
    except TrainingError as error:
        raise failed(str(error)) from error
    return Subject(candidate, spec, folder, text, module, where, log, seconds)


def measure(
    subject: Subject, rung: int, made_by: str, measures: dict[str, float]
) -> None:
    """Adds every dynamic measure that the search asks for, cheap ones first.

    What does not depend on the training is taken over from an earlier rung. Raises
    Ended, and whatever a user's own measure raises.
    """
    try:
        asked = [o for o in static.asked(subject.spec) if o.label not in measures]
        kept = outcome.last(subject.inside, made_by)
        if kept is None or kept.status != "ok":
            with subject.timed("gates"):
                gates.check(subject)
        names = {one.name for one in asked}
        for one in asked:
            fixed = one.name in TIMED or one.name.startswith("mad")
            if fixed and kept and one.label in kept.measures:
                measures[one.label] = kept.measures[one.label]
        left = [one for one in asked if one.label not in measures]
        measures.update(timing.measures(subject, [o for o in left if o.name in TIMED]))
        require(subject.spec, measures)
        if names & {*QUALITY} or any(name not in MEASURES for name in names):
            measures.update(_quality(subject, rung, made_by, "bits_per_byte" in names))
            require(subject.spec, measures)
        if tasks := [one.name for one in left if one.name.startswith("mad")]:
            measures.update(mad.measures(subject, tasks))
        for one in asked:
            if one.name not in MEASURES:
                with subject.timed(one.name):
                    found = custom.measure(subject, one.name, one.arguments)
                measures[one.label] = found
    except TrainingError as error:
        raise failed(str(error)) from error
    finally:
        emitted.forget(subject.module)


def _quality(
    subject: Subject, rung: int, made_by: str, in_bytes: bool
) -> dict[str, float]:
    """Trains, and says the loss in all its units."""
    with subject.timed("data"):
        text = data.load(subject.spec)
    if in_bytes and text.bytes_a_token is None:
        raise failed(
            f"bits_per_byte: {subject.spec.data}.json does not say for how many "
            "`bytes` the tokens stand"
        )
    found = trainer.train(subject, rung, made_by)
    found |= _units(found["loss"], text)
    if repeats.repeated(subject.candidate, subject.spec, rung):
        again = trainer.train_again(subject, found["learning_rate"])
        found |= repeats.labelled(_units(again, text))
    return found


def _units(loss: float, text: Text) -> dict[str, float]:
    """The loss, in nats a token, in all its units."""
    found = {"loss": loss, "perplexity": math.exp(min(loss, 700.0))}
    if text.bytes_a_token is not None:
        found["bits_per_byte"] = loss / math.log(2) / text.bytes_a_token
    return found
