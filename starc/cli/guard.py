"""What may go wrong in a command, as one clear message and an exit code."""

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec

from starc import files
from starc.cli import progress, streams
from starc.cli.failure import (
    FINE,
    INTERRUPTED,
    WRONG_CALL,
    WRONG_INPUT,
    Failure,
)
from starc.printable import printable

P = ParamSpec("P")


def guarded(command: Callable[P, object]) -> Callable[P, None]:
    """The command, with every foreseeable exception turned into its exit code."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with progress.indicator(" ".join(["starc", *sys.argv[1:2]])):
            code = _code(lambda: command(*args, **kwargs))
        code = _code(streams.settle) or code
        files.unprotect()
        if code:
            sys.exit(code)

    return run


def _code(work: Callable[[], object]) -> int | str:
    """How it ended; what there is to say is said."""
    from starc.diagnostics import StarError

    try:
        work()
        return FINE
    except SystemExit as end:
        return end.code or FINE
    except StarError as error:
        streams.report(error.diagnostics)
        return WRONG_INPUT
    except Failure as failure:
        if str(failure):
            streams.tell(f"starc: {failure}")
        return failure.code
    except KeyboardInterrupt:
        return INTERRUPTED
    except (MemoryError, RuntimeError) as error:
        if not _out_of_memory(error):
            raise
        streams.tell("starc: There is not enough memory for this; choose smaller sizes")
        return WRONG_CALL
    except OSError as error:
        streams.tell(f"starc: {reason(error)}")
        return WRONG_CALL


def _out_of_memory(error: Exception) -> bool:
    """Python's own, and torch's: it has a class for GPUs only."""
    names = {kind.__name__ for kind in type(error).__mro__}
    allocator = "can't allocate memory" in str(error)
    return bool(names & {"MemoryError", "OutOfMemoryError"}) or allocator


def reason(error: Exception) -> str:
    """What a person is told: of an OSError the file, and what the system says."""
    if not isinstance(error, OSError):
        return str(error)
    said = error.strerror or str(error)
    name = error.filename if error.filename2 is None else error.filename2
    if isinstance(name, bytes):
        name = name.decode("utf-8", "surrogateescape")
    if name is None:
        return said
    shown = printable(str(name)) or "''"
    return f"{shown}: {said}"
