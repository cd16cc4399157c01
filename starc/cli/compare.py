"""scale and compare: an architecture at another size; several under one recipe."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from starc.choices import WAYS
from starc.cli import streams
from starc.cli.failure import INTERRUPTED, WRONG_INPUT, Failure, needs
from starc.cli.options import (
    Data,
    File,
    Json,
    Output,
    input_argument,
    number,
    one_of,
    option,
    output_option,
)
from starc.cli.streams import STANDARD, read_python, read_source
from starc.printable import printable

if TYPE_CHECKING:
    from starc.source import Source
    from starc.training.compare import Entry, Result
    from starc.training.settings import Settings


def scale(
    file: File,
    width: Annotated[int | None, number("Channels; by default those it has.")] = None,
    depth: Annotated[int | None, number("LIVs; by default those it has.")] = None,
    by: Annotated[str, one_of(WAYS, "--by", "How depth grows.")] = "stack",
    output: Output = STANDARD,
) -> None:
    """Write FILE at another size, as text; the rule stands on top of it.

    Width: heads keep their size, so heads, kv_heads and blocks that are stated grow
    with the width, and so does a stated hidden, up to the next multiple of 8. Ratios
    (expand), kernels, windows, states and a stated head_dim stay; what is not stated
    takes its default at the new width.

    Depth counts LIVs, a parallel or a block as one. stack: the whole backbone again,
    then its beginning for the rest. interleave: each LIV again in its place. What
    shares, shares within its own copy; copies of a label are c1, c1_b, c1_c.
    """
    from starc.resize import scale as scales

    try:
        text = scales.scale(read_source(file), width or 0, depth or 0, by)
    except scales.ScaleError as error:
        raise Failure(f"{file}: {error}", WRONG_INPUT) from None
    streams.write(output, text)


def compare(
    files: Annotated[
        list[str],
        input_argument("FILES...", ".star files or compiled model.py; - is stdin."),
    ],
    seeds: Annotated[int, number("Runs of each model.")] = 3,
    steps: Annotated[int, number("Of each run.")] = 500,
    batch: Annotated[int, number("Windows a step.")] = 16,
    context: Annotated[int, number("Tokens a window.")] = 256,
    lr: Annotated[float, number("At its peak.", 0)] = 1e-3,
    data: Data = None,
    device: Annotated[
        str, option(help="cpu, cuda, cuda:1, ...; by default the best.")
    ] = "",
    output: Annotated[
        Path | None, output_option("DIR", "By default runs/compare.")
    ] = None,
    json: Json = False,
) -> None:
    """Train FILES under one recipe at equal tokens, and compare them.

    The table gives means over the seeds with 95 % confidence intervals (Student's t);
    the difference to the first file is taken seed by seed. What was trained before,
    with the same -o, is not trained again; Ctrl-C keeps what is done.
    """
    needs("torch", "torch")
    needs("pymoo", "evolve")
    from starc.training import compare_table as tables
    from starc.training.compare import entry
    from starc.training.settings import Settings, TrainingError

    recipe = Settings(
        steps=steps,
        batch=batch,
        context=context,
        learning_rate=lr,
        data=data or "",
        device=device,
    )
    folder = output or Path("runs") / "compare"
    try:
        names = _names(files)
        entries = [
            entry(name, _text(file), folder)
            for name, file in zip(names, files, strict=True)
        ]
        results = _trained(entries, recipe, seeds, folder)
    except TrainingError as error:
        raise Failure(str(error), WRONG_INPUT) from None
    at, found = tables.cache_context(entries), tables.lines(entries, results)
    if json:
        streams.write(STANDARD, tables.as_json(found, results, at))
    else:
        streams.say(tables.as_text(found, at).removesuffix("\n"))
    if len(results) < seeds * len(files):
        again = f"{len(results)} of {seeds * len(files)} runs; the same command goes on"
        raise Failure(again, INTERRUPTED)


def _trained(
    entries: "list[Entry]", recipe: "Settings", seeds: int, folder: Path
) -> "list[Result]":
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from starc.training.compare import compare as run

    console = streams.console()
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
    task = bar.add_task("", total=recipe.steps * seeds * len(entries))

    def tell(name: str, seed: int, steps: int) -> None:
        bar.update(task, advance=steps, description=f"{name}, seed {seed}")

    found = []
    with bar:
        for result in run(entries, recipe, range(seeds), folder, tell):
            found.append(result)
            how = result.reason or f"loss {result.loss:.4f}"
            said = printable(f"{result.name}, seed {result.seed}: {how}")
            bar.console.print(said, markup=False)
    return found


def _names(files: list[str]) -> list[str]:
    """Short ones where they tell the files apart, else the paths."""
    short = [printable(Path(file).stem) for file in files]
    names = short if len(set(short)) == len(short) else [*map(printable, files)]
    if len(set(names)) < len(names):
        raise Failure("one file twice: there is nothing to compare")
    return names


def _text(file: str) -> "Source":
    return read_python(file) if file.endswith(".py") else read_source(file)
