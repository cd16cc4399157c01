"""train: a run of the small trainer, from its options to a sample."""

import sys
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from starc.cli import streams
from starc.cli.failure import WRONG_INPUT, Failure
from starc.cli.options import (
    SEEDS,
    input_argument,
    input_option,
    is_written,
    number,
    option,
    output_option,
)
from starc.cli.streams import STANDARD, read_python, read_source
from starc.folders import Folder

if TYPE_CHECKING:
    from starc.training.run import Run
    from starc.training.settings import Settings
    from starc.training.text import Text

STEPS = 1000
"""Of a run that was given no end."""

PROMPT = 64
"""Bytes or tokens of held-out text that a sample goes on from."""


def train(
    file: Annotated[
        str,
        input_argument("FILE", "A compiled model.py, or a .star file; - is stdin."),
    ],
    data: Annotated[
        str | None,
        input_option(
            "PATH",
            "A file, a folder, or - for stdin; by default the source of Python's "
            "own library.",
        ),
    ] = None,
    tokenizer: Annotated[
        str | None,
        input_option("JSON", "A tokenizer.json, which cuts the data into tokens."),
    ] = None,
    steps: Annotated[int | None, number("When to end.")] = None,
    minutes: Annotated[float | None, number("Or when.", 0.01)] = None,
    batch: Annotated[int | None, number("Windows a step.")] = None,
    context: Annotated[int | None, number("Bytes or tokens a window.")] = None,
    lr: Annotated[float | None, number("At its peak.", 0)] = None,
    warmup: Annotated[int | None, number("Steps up to it.")] = None,
    seed: Annotated[int | None, number("Of weights and order.", 0, SEEDS)] = None,
    accumulate: Annotated[
        int | None, number("Batches a step, one after the other.")
    ] = None,
    val: Annotated[
        float | None, number("Share of the text that is held out.", 0.001, 0.9)
    ] = None,
    save: Annotated[int | None, number("Steps between checkpoints.")] = None,
    save_minutes: Annotated[
        float | None, number("Or minutes, whichever comes first.", 0.01)
    ] = None,
    plot: Annotated[
        str | None,
        option(metavar="PNG", help="Draw the losses.", callback=is_written),
    ] = None,
    device: Annotated[
        str | None, option(help="cpu, cuda, cuda:1, ...; by default the best.")
    ] = None,
    compile: Annotated[
        bool | None, option("--compile", help="Use torch.compile.")
    ] = None,
    output: Annotated[
        Path | None, output_option("DIR", "By default runs/NAME.")
    ] = None,
    resume: Annotated[
        bool, option("--resume", help="Go on where the run in DIR stopped.")
    ] = False,
    sample: Annotated[int, number("Bytes or tokens to generate at the end.", 0)] = 400,
) -> None:
    """Train a compiled model, or a .star file, on bytes or on tokens.

    What is not given is, with --resume, what it was, and otherwise: 1000 steps of 16
    windows of 256 bytes, a peak learning rate of 1e-3, a checkpoint every 500 steps.
    """
    text = _model_text(file)  # a mistake there is told before torch is imported
    _needs_torch()
    if plot is not None:
        _needs_matplotlib()
    from starc.training import checkpoint
    from starc.training.run import prepare
    from starc.training.settings import Settings, TrainingError

    folder = output or Path("runs") / ("stdin" if file == STANDARD else Path(file).stem)
    given = {
        "steps": steps,
        "minutes": minutes,
        "data": data,
        "tokenizer": tokenizer,
        "batch": batch,
        "context": context,
        "learning_rate": lr,
        "warmup": warmup,
        "seed": seed,
        "accumulate": accumulate,
        "held_out": val,
        "save": save,
        "save_minutes": save_minutes,
        "device": device,
        "compile": compile,
    }
    try:
        stored = checkpoint.load(folder) if resume else None
        if stored is None and checkpoint.exists(folder):
            raise Failure(
                f"{folder} holds a run: --resume goes on with it, -o is another"
            )
        settings = stored.settings if stored else Settings()
        settings = _with_an_end(settings.changed(given))
        run = prepare(_kept(text, folder), settings, stored)
        _run(run, folder, sample, plot)
    except TrainingError as error:
        raise Failure(str(error), WRONG_INPUT) from error


def _needs_torch() -> None:
    try:
        import safetensors  # noqa: F401
        import torch  # noqa: F401
    except ImportError as error:
        needs = f"training needs {error.name}: pip install 'starc[torch]'"
        raise Failure(needs) from None


def _with_an_end(settings: "Settings") -> "Settings":
    endless = not settings.steps and not settings.minutes
    return settings.changed({"steps": STEPS}) if endless else settings


def _model_text(file: str) -> str:
    if file.endswith(".py"):
        return read_python(file).text
    from starc import compiler

    return compiler.compile(read_source(file))


def _kept(text: str, folder: Path) -> Path:
    """The model beside its checkpoints, so that the folder is all one needs."""
    Folder.of(folder).write("model.py", text)
    return folder / "model.py"


def _needs_matplotlib() -> None:
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise Failure("--plot needs matplotlib: pip install matplotlib") from None


def _run(run: "Run", folder: Path, sample: int, plot: str | None) -> None:
    from starc.training.progress import Display
    from starc.training.stop import Stop

    settings = run.settings
    tokens = settings.batch * settings.accumulate * settings.context
    with Display(streams.console(), tokens, run.progress) as display:
        count = sum(p.numel() for p in run.model.parameters())
        size = f"{len(run.text.training) / 1e6:.1f}"
        of_text = f"{size} MB of text" if run.text.vocab == 256 else f"{size} M tokens"
        display.say(f"{count:,} parameters, {of_text}, on {run.device}")
        memory = 16 * count / 2**20  # float32, its gradient, and AdamW's two averages
        said = "MiB for weights, gradients and AdamW, besides activations"
        display.say(f"{tokens:,} tokens a step, {memory:,.1f} {said}")
        with Stop() as stop:
            run.train(folder, display, stop)
    if stop.signal:
        display.say(f"stopped after step {run.step}; --resume goes on from there")
        sys.exit(128 + stop.signal)
    loss = run.validation_loss()
    of = "byte" if run.text.vocab == 256 else "token"
    display.say(f"held-out loss {loss:.3f} nats a {of} after step {run.step}")
    display.say(f"saved in {folder}")
    if plot is not None:
        from starc.training import curve

        streams.write(plot, curve.picture(run.points, folder.name))
    if sample and (run.text.vocab <= 256 or run.text.by):
        display.say("a sample: held-out text up to the bar, the model's own after it")
        streams.say(_sample(run, sample))


def _prompt(text: "Text") -> list[int]:
    """How the held-out text begins, or a document of it that is long enough."""
    held_out: list[int] = text.validation.tolist()
    if text.end is None:
        return held_out[:PROMPT]
    ends = [i for i, token in enumerate(held_out) if token == text.end]
    for start, stop in pairwise([-1, *ends]):
        if stop - start > PROMPT:
            return held_out[start + 1 : start + 1 + PROMPT]
    return [token for token in held_out if token != text.end][:PROMPT]


def _sample(run: "Run", length: int) -> str:
    from starc.training.sample import continuation

    prompt = _prompt(run.text)
    end = run.text.end
    written = continuation(run.model, prompt, length, run.settings.seed, end)
    return f"{_as_text(run.text, prompt)}|{_as_text(run.text, written)}"


def _as_text(text: "Text", tokens: list[int]) -> str:
    """U+FFFD for what is no UTF-8."""
    if text.by is not None:
        return text.by.decode(tokens)
    return bytes(token for token in tokens if token < 256).decode("utf-8", "replace")
