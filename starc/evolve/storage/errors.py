"""What may go wrong with a run as a whole, in words for the user."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from starc.artefacts import ArtefactError


class RunError(Exception):
    """The run cannot go on, or cannot be read; nothing that was written is lost."""


@contextmanager
def sqlite_errors(path: Path) -> Iterator[None]:
    """What sqlite refuses, as a RunError that says what a person can do."""
    try:
        yield
    except sqlite3.Error as error:
        raise RunError(_reason(path, error)) from error
    except (ArtefactError, UnicodeDecodeError, OverflowError) as error:
        raise RunError(f"{path} holds what no search wrote: {error}") from error


def _reason(path: Path, error: sqlite3.Error) -> str:
    said = str(error)
    if "no such table" in said:
        return f"{path} holds no run: it was stopped before it began, delete it"
    if "full" in said:
        return (
            f"{path}: the disk is full; free some of it and --resume: nothing is lost"
        )
    if "readonly" in said or "read-only" in said:
        return f"{path} cannot be written: it or its folder is read-only"
    if "unable to open" in said:
        return f"{path} cannot be opened: may its folder be read and written?"
    if "locked" in said:
        return f"{path} is in use by another process"
    if "not a database" in said or "malformed" in said:
        return f"{path} is no database of a run, or is damaged: {said}"
    if "disk I/O" in said:
        return f"{path}: the disk failed ({said}); --resume goes on where it stopped"
    return f"{path}: {said}"
