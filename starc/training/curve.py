"""The losses of a run at its checkpoints: `losses.csv` in its folder, and a picture."""

import math
from io import BytesIO
from typing import NamedTuple

from starc.artefacts import ArtefactError
from starc.folders import Folder
from starc.training.settings import TrainingError

NAME = "losses.csv"
HEAD = "step,training,held_out"
MOST_BYTES = 1 << 24
"""Of a file that is read again: half a million checkpoints."""


class Point(NamedTuple):
    """Nats a token; training: of the steps since the point before."""

    step: int
    training: float
    held_out: float


def read(folder: Folder, step: int) -> list[Point]:
    """The points up to a step of an earlier part of the run. TrainingError, OSError."""
    where = folder.path / NAME
    try:
        lines = folder.read(NAME, MOST_BYTES).decode().splitlines()
    except FileNotFoundError:
        return []
    except (ArtefactError, UnicodeDecodeError) as error:
        raise TrainingError(f"{where}: {error}") from None
    found = []
    for number, line in enumerate(lines[1:], 2):
        try:
            first, *losses = line.split(",")
            training, held_out = map(float, losses)
            point = Point(int(first), training, held_out)
        except ValueError:
            said = f"{where}, line {number}: no step and two losses"
            raise TrainingError(said) from None
        if point.step <= step:
            found.append(point)
    return found


def write(folder: Folder, points: list[Point]) -> None:
    """OSError."""
    rows = [f"{one.step},{one.training:.6f},{one.held_out:.6f}" for one in points]
    folder.write(NAME, "\n".join([HEAD, *rows]) + "\n")


def picture(points: list[Point], title: str) -> bytes:
    """A PNG. Needs matplotlib."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    steps = [point.step for point in points]
    known = [math.isfinite(point.training) for point in points]
    axes.plot(
        [step for step, there in zip(steps, known, strict=True) if there],
        [point.training for point in points if math.isfinite(point.training)],
        label="training",
    )
    held_out = [point.held_out for point in points]
    axes.plot(steps, held_out, marker="o", label="held out")
    axes.set(xlabel="step", ylabel="loss, nats a token", title=title)
    axes.legend()
    out = BytesIO()
    figure.savefig(out, format="png", dpi=150)
    return out.getvalue()
