"""A user's own measure: `module:function`, called with the Subject."""

import importlib
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from starc.evolve.evaluation.failure import Ended, failed, in_words
from starc.evolve.evaluation.subject import Subject
from starc.evolve.problem.spec import Arguments


def find(name: str) -> Any:
    """The function `module:function`. Raises Ended where it cannot be imported."""
    module, _, function = name.partition(":")
    try:
        with _current_folder():
            return getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise failed(f"{name}: {error}") from error


def measure(subject: Subject, name: str, arguments: Arguments) -> float:
    """What the function gives; the module may lie in the current folder.

    Raises Ended where it cannot be imported, raises or gives no number; OSError, since
    the disk may be full.
    """
    found = find(name)
    try:
        with _current_folder():
            value = found(subject, **dict(arguments))
    except (Ended, OSError):
        raise
    except Exception as error:
        subject.log.info("%s", traceback.format_exc())
        raise failed(f"{in_words(error)} (in {name})") from error
    try:
        return float(value)
    except (TypeError, ValueError):
        kind = type(value).__name__
        raise failed(f"{name} gave {kind}, not a number") from None


@contextmanager
def _current_folder() -> Iterator[None]:
    """Modules are looked for there too, after all other places, and for this alone."""
    sys.path.append("")
    try:
        yield
    finally:
        del sys.path[len(sys.path) - 1 - sys.path[::-1].index("")]
