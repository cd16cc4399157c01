"""scale and compare: an architecture at another size; several under one recipe."""

from typing import Annotated

import typer

from starc.cli.guard import WRONG_INPUT, Failure
from starc.cli.options import File, Output, one_of
from starc.cli.streams import STANDARD, read_source, write_text


def scale(
    file: File,
    width: Annotated[
        int | None, typer.Option(min=1, help="Channels; by default those it has.")
    ] = None,
    depth: Annotated[
        int | None, typer.Option(min=1, help="LIVs; by default those it has.")
    ] = None,
    by: Annotated[
        str, typer.Option(metavar="WAY", help="How depth grows: stack or interleave.")
    ] = "stack",
    output: Output = STANDARD,
) -> None:
    """Write FILE at another size, as text; the rule stands on top of it.

    Width: heads keep their size, so heads, kv_heads and blocks that are stated grow
    with the width, and so does a stated hidden, up to the next multiple of 8. Ratios
    (expand), kernels, windows, states and a stated head_dim stay.

    Depth counts LIVs, a parallel as one. stack: the whole backbone again and again,
    then its beginning for the rest. interleave: each LIV again in its place. What
    shares, shares within its own copy; copies of a label are c1, c1_b, c1_c.
    """
    from starc.evolve import scale as scales

    one_of(by, scales.WAYS, "--by")
    try:
        text = scales.scale(read_source(file), width or 0, depth or 0, by)
    except scales.ScaleError as error:
        raise Failure(f"{file}: {error}", WRONG_INPUT) from None
    write_text(output, text)
