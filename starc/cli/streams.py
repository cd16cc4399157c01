"""Where commands read, write and print: files, `-` for stdin and stdout, and stderr.

Nothing else in starc prints but progress.py, whose line these take away. What a person
reads goes through `say` and `tell`, where nothing moves the cursor; what a program
reads goes through `write`, as it is.
"""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO

from starc import files
from starc.cli import progress
from starc.cli.failure import WRONG_INPUT, Failure
from starc.columns import WIDTH
from starc.diagnostics import Diagnostic
from starc.numerals import counted
from starc.printable import printable
from starc.source import Source

if TYPE_CHECKING:
    from rich.console import Console

STANDARD = "-"

LARGEST_PYTHON = 1 << 25
"""Bytes of a compiled model: 32 MiB, a hundred times the largest that was emitted."""


def read_bytes(name: str, limit: int = -1) -> bytes:
    """All of a file, or of stdin for `-`; at most `limit` bytes and one more.

    Nothing is written over it afterwards (files.protect).
    """
    size = limit + 1 if limit >= 0 else -1
    if name == STANDARD:
        if sys.stdin.isatty():
            progress.end()  # a person types
        files.protect(0)
        return sys.stdin.buffer.read(size)
    files.protect(name)
    with open(name, "rb") as file:
        return file.read(size)


def read_source(name: str) -> Source:
    """A `.star` text. Raises StarError if it is no text or too large, OSError.

    Failure for a `.py` file: a hundred errors about Python would tell less.
    """
    from starc.diagnostics import Problems
    from starc.frontend.load import load
    from starc.frontend.parse import LARGEST

    problems = Problems()
    shown = "<stdin>" if name == STANDARD else name
    data = read_bytes(name, LARGEST)
    if name.endswith(".py"):
        raise Failure(f"{name}: This is Python; a .star file is needed", WRONG_INPUT)
    source = load(shown, data, problems)
    problems.check()
    assert source is not None, "a problem was added"
    return source


def read_python(name: str) -> Source:
    """A compiled model. Raises Failure if it is no text or too large, OSError."""
    data = read_bytes(name, LARGEST_PYTHON)
    if len(data) > LARGEST_PYTHON:
        said = f"more than {LARGEST_PYTHON:,} bytes, so no compiled model"
        raise Failure(f"{name}: {said}", WRONG_INPUT)
    try:
        return Source(name, data.decode("utf-8"))
    except UnicodeDecodeError as error:
        found = f"byte {error.object[error.start]:02X} at offset {error.start}"
        raise Failure(f"{name}: {found} is no UTF-8", WRONG_INPUT) from None


def write(name: str, data: str | bytes, in_place: bool = False) -> None:
    """Whole or not at all; to stdout for `-`, text as UTF-8 whatever the terminal.

    Raises Failure if that would overwrite what the command has read, except in place.
    """
    raw = data if isinstance(data, bytes) else data.encode("utf-8", "backslashreplace")
    if name != STANDARD:
        files.write_bytes(Path(name), raw, in_place=in_place)
        return
    if files.is_protected(1):
        raise Failure("stdout: This is read, and would be overwritten")
    progress.end()
    sys.stdout.flush()
    sys.stdout.buffer.write(raw)
    sys.stdout.buffer.flush()


def say(text: str) -> None:
    """A line or several on stdout."""
    progress.end()
    sys.stdout.write(_lines(text))


def say_json(value: object) -> None:
    """On stdout, for a program."""
    from json import dumps

    write(STANDARD, dumps(value, indent=2) + "\n")


def say_path(name: str | Path) -> None:
    """A name of a file on stdout: as it can be shown, or as it is for a program."""
    if sys.stdout.isatty():
        say(str(name))
        return
    progress.end()
    sys.stdout.flush()
    sys.stdout.buffer.write(os.fsencode(name) + b"\n")


def say_text(text: str) -> None:
    """Lines of a file on stdout: as they can be shown, or as they are for a program."""
    if sys.stdout.isatty():
        say(text.removesuffix("\n"))
    else:
        write(STANDARD, text)


def tell(text: str) -> None:
    """A line or several on stderr."""
    progress.end()
    sys.stderr.write(_lines(text))


def report(diagnostics: Iterable[Diagnostic]) -> None:
    """All of them on stderr, as a person reads them, and how many."""
    from starc.diagnostics import render

    found = list(diagnostics)
    colour = in_colour(sys.stderr)
    progress.end()
    for diagnostic in found:
        sys.stderr.write(render(diagnostic, colour) + "\n\n")
    tell(f"starc: {counted(len(found), 'error')}")


def console() -> "Console":
    """For what moves: progress of its own, on stderr."""
    from rich.console import Console

    progress.end()
    return Console(stderr=True, highlight=False)


def columns() -> int:
    """What a table may take: those of the terminal, and WIDTH where there is none."""
    from shutil import get_terminal_size

    return max(get_terminal_size().columns, 76) if sys.stdout.isatty() else WIDTH


def in_colour(stream: IO[str]) -> bool:
    """On a terminal that has colours, unless NO_COLOR says no."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()


def pipes() -> tuple[BinaryIO, BinaryIO]:
    """stdin, and a stdout that may be closed, for a protocol that has both."""
    progress.end()
    return sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")


def settle() -> None:
    """Everything said is said. Raises Failure where stdout takes no more."""
    sys.stdout.flush()


def _lines(text: str) -> str:
    return "".join(f"{printable(line)}\n" for line in text.split("\n"))
