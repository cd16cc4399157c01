"""compile, check and fmt: from `.star` text to a model, to its mistakes, to itself."""

import sys
from typing import Annotated

import typer

import starc
from starc.cli.guard import WRONG_INPUT, Failure
from starc.cli.options import File, Files, Output, one_of
from starc.cli.streams import STANDARD, read_source, write_text

STAGES = ("ast", "ir", "plan", "model")


def compile(
    file: File,
    output: Output = STANDARD,
    no_pass: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Leave an optional pass out; repeatable."),
    ] = None,
    emit: Annotated[
        str, typer.Option(metavar="STAGE", help=f"What to print: {', '.join(STAGES)}.")
    ] = "model",
) -> None:
    """Compile FILE to one standalone PyTorch file."""
    from starc import passes
    from starc.cli import stages

    one_of(emit, STAGES, "--emit")
    without = frozenset(no_pass or ())
    try:
        passes.check_names(without)
    except ValueError as error:
        raise Failure(str(error)) from None
    text = stages.emit(read_source(file), emit, without)
    write_text(output, text)


def check(
    files: Files,
    format: Annotated[
        str, typer.Option(metavar="FORMAT", help="text, or json for editors.")
    ] = "text",
) -> None:
    """Report every mistake in FILES."""
    from starc import compiler
    from starc.cli.streams import report
    from starc.diagnostics import Diagnostic, StarError

    one_of(format, ("text", "json"), "--format")
    found: list[Diagnostic] = []
    for file in files:
        try:
            found.extend(compiler.check(read_source(file)))
        except StarError as error:
            found.extend(error.diagnostics)
    if format == "json":
        import json

        from starc.diagnostics import to_json

        print(json.dumps([to_json(one) for one in found], indent=2))
    elif found:
        report(found)
    if found:
        sys.exit(WRONG_INPUT)


def fmt(
    files: Files,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; name what would change.")
    ] = False,
) -> None:
    """Write FILES in canonical form, in place; comments are kept."""
    from starc.cli.streams import report
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
                print(source.name)
        elif changed or file == STANDARD:
            write_text(file, text)
    if found:
        report(found)
    if found or (check and unformatted):
        sys.exit(WRONG_INPUT)
