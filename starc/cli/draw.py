"""draw: the picture of an architecture, or of what one of its LIVs mixes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from starc.cli import complete, streams
from starc.cli.failure import WRONG_INPUT, Failure
from starc.cli.options import SEEDS, File, Output, input_option, number, option
from starc.cli.streams import STANDARD, read_source, write

if TYPE_CHECKING:
    from starc.draw.operator import Mixing


def draw(
    file: File,
    operator: Annotated[
        str | None,
        option(
            metavar="LABEL",
            help="Draw |T(x)| of this LIV (needs torch).",
            complete=complete.labels,
        ),
    ] = None,
    input: Annotated[
        str | None, option(metavar="TEXT", help="x: up to 64 bytes of text.")
    ] = None,
    weights: Annotated[
        str | None,
        input_option("FILE", "model.safetensors; by default random weights."),
    ] = None,
    seed: Annotated[int, number("Of the random weights.", 0, SEEDS)] = 0,
    all: Annotated[
        bool, option("--all", help="Write repeats out, every turn.")
    ] = False,
    open: Annotated[
        bool, option("--open", help="Show it, in a browser or a viewer.")
    ] = False,
    output: Output = STANDARD,
) -> None:
    """Draw the LIVs of FILE in order with their sharing, as SVG.

    With --operator the token-mixing matrix |T(x)| of one LIV, as SVG, or as PNG if OUT
    ends in .png.
    """
    if open and output == STANDARD:
        output = _beside(file, operator)
    if operator is None:
        if input is not None or weights is not None:
            raise Failure("--input and --weights go with --operator")
        if output.endswith(".png"):
            raise Failure(f"{output}: Only --operator draws PNG; this is an .svg")
        write(output, _architecture(file, not all) + "\n")
    else:
        from starc.draw import heatmap

        found = _mixing(file, operator, input, weights, seed)
        if output.endswith(".png"):
            write(output, heatmap.as_png(found.maps))
        else:
            text = heatmap.as_svg(found.maps, found.tokens, found.heading)
            write(output, text + "\n")
    if open:
        _show(output)


def _beside(file: str, operator: str | None) -> str:
    """A file of its own in the folder for such: `.../hybrid.svg`."""
    from tempfile import mkdtemp

    name = "stdin" if file == STANDARD else Path(file).stem
    name += f"-{operator}" if operator else ""
    return str(Path(mkdtemp(prefix="starc-")) / f"{name}.svg")


def _show(path: str) -> None:
    import webbrowser

    where = Path(path).resolve().as_uri()
    if not webbrowser.open(where):
        streams.tell(f"starc: There is no browser here: {path}")


def _architecture(file: str, rolled: bool) -> str:
    from starc import compiler, passes
    from starc.draw import architecture, heading

    model = passes.run(compiler.to_ir(read_source(file)))
    return architecture(model, heading(model), rolled=rolled)


def _mixing(
    file: str, label: str, given: str | None, weights: str | None, seed: int
) -> "Mixing":
    source = read_source(file)
    try:
        from starc.draw import operator
    except ImportError as error:
        needs = f"--operator needs {error.name}: pip install 'starc[torch]'"
        raise Failure(needs) from None
    text = operator.INPUT if given is None else given
    try:
        return operator.mixing(source, label, text, weights or "", seed)
    except operator.DrawError as error:
        raise Failure(str(error), WRONG_INPUT) from None
