"""compile, check and fmt: from `.star` text to a model, to its mistakes, to itself."""

import sys
from typing import Annotated

import starc
from starc.choices import FORMATS, STAGES
from starc.cli import streams
from starc.cli.failure import WRONG_INPUT
from starc.cli.options import File, Files, Kernels, NoPass, Output, one_of, option
from starc.cli.streams import STANDARD, read_source


def compile(
    file: File,
    output: Output = STANDARD,
    no_pass: NoPass = None,
    kernels: Kernels = "all",
    emit: Annotated[str, one_of(STAGES, "--emit", "What to print.")] = "model",
) -> None:
    """Compile FILE to one standalone PyTorch file."""
    from starc.cli import stages

    text = stages.emit(read_source(file), emit, frozenset(no_pass or ()), kernels)
    streams.write(output, text)


def check(
    files: Files,
    format: Annotated[
        str, one_of(FORMATS, "--format", "Of the mistakes; json is for editors.")
    ] = "text",
) -> None:
    """Report every mistake in FILES."""
    from starc import compiler
    from starc.diagnostics import Diagnostic, StarError

    found: list[Diagnostic] = []
    for file in files:
        try:
            found.extend(compiler.check(read_source(file)))
        except StarError as error:
            found.extend(error.diagnostics)
    if format == "json":
        from starc.diagnostics import to_json

        streams.say_json([to_json(one) for one in found])
    elif found:
        streams.report(found)
    if found:
        sys.exit(WRONG_INPUT)


def fmt(
    files: Files,
    check: Annotated[
        bool, option("--check", help="Write nothing; name what would change.")
    ] = False,
) -> None:
    """Write FILES in canonical form, in place; comments are kept."""
    from starc.diagnostics import Diagnostic, StarError
    from starc.frontend.unparse import unparse

    found: list[Diagnostic] = []
    unformatted = False
    for file in files:
        try:
            source = read_source(file)
            text = unparse(starc.parse(source.text, source.name))
        except StarError as error:
            found.extend(error.diagnostics)
            continue
        changed = text != source.text
        unformatted = unformatted or changed
        if check:
            if changed:
                streams.say_path(source.name)
        elif changed or file == STANDARD:
            streams.write(file, text, in_place=True)
    if found:
        streams.report(found)
    if found or (check and unformatted):
        sys.exit(WRONG_INPUT)
