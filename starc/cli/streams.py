"""Where commands read and write: files, or `-` for stdin and stdout."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from starc.diagnostics import Diagnostic
from starc.source import Source

STANDARD = "-"


def read_bytes(name: str, limit: int = -1) -> bytes:
    """All of a file, or of stdin for `-`; at most `limit` bytes and one more."""
    size = limit + 1 if limit >= 0 else -1
    if name == STANDARD:
        return sys.stdin.buffer.read(size)
    with open(name, "rb") as file:
        return file.read(size)


def write_text(name: str, text: str) -> None:
    """Whole or not at all; to stdout for `-`."""
    if name == STANDARD:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()
        return
    from starc import files

    files.write_text(Path(name), text)


def in_colour(stream: IO[str]) -> bool:
    """On a terminal that has colours, unless NO_COLOR says no."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()


def read_source(name: str) -> Source:
    """A `.star` text. Raises StarError if it is no text or too large, OSError."""
    from starc.diagnostics import Problems
    from starc.frontend.load import load
    from starc.frontend.parse import LARGEST

    problems = Problems()
    shown = "<stdin>" if name == STANDARD else name
    source = load(shown, read_bytes(name, LARGEST), problems)
    problems.check()
    assert source is not None, "a problem was added"
    return source


def report(diagnostics: Iterable[Diagnostic]) -> None:
    """All of them on stderr, as a person reads them, and how many."""
    from starc.diagnostics import render

    found = list(diagnostics)
    colour = in_colour(sys.stderr)
    for diagnostic in found:
        print(render(diagnostic, colour), end="\n\n", file=sys.stderr)
    count = f"{len(found)} errors" if len(found) > 1 else "1 error"
    print(f"starc: {count}", file=sys.stderr)
