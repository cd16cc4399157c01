"""What stdin, stdout and stderr are made of: there, named in errors, never speechless.

`prepare` puts them in place once, before anything else runs: no command, and no library
that prints, has to know that a stream may be closed, full, or of few characters.
"""

import codecs
import errno
import io
import os
import sys
from typing import Any

from starc.cli.failure import BROKEN_PIPE, Failure
from starc.printable import printable

NEAREST = str.maketrans(
    {"…": "...", "│": "|", "┌": "+", "─": "-", "·": ".", "µ": "u", "–": "-", "×": "x"}
)
"""What starc prints besides ASCII, for where there is nothing else."""


def prepare() -> None:
    """Replaces the three streams of sys by ones that every command can rely on."""
    codecs.register_error("starc", _nearest)
    for number in range(3):
        _be_there(number)
    sys.stdin = _text(io.BufferedReader(_Standard(0, "r")), sys.stdin)
    sys.stdout = _text(io.BufferedWriter(_Standard(1, "w")), sys.stdout)
    sys.stderr = _text(io.BufferedWriter(_Messages(2, "w")), sys.stderr, lines=True)


def _be_there(number: int) -> None:
    """A closed one is opened, else the next file that is opened takes its number.

    It is opened so that to use it is still an error; messages go nowhere.
    """
    try:
        os.fstat(number)
    except OSError:
        how = os.O_RDONLY if number == 1 else os.O_WRONLY
        opened = os.open(os.devnull, how)  # the lowest number that is free
        if opened != number:
            os.dup2(opened, number)
            os.close(opened)
        os.set_inheritable(number, True)


def _text(binary: Any, old: Any, lines: bool = False) -> io.TextIOWrapper:
    """With the encoding that Python chose."""
    encoding = getattr(old, "encoding", None) or sys.getfilesystemencoding()
    lines = lines or binary.raw.isatty()
    return io.TextIOWrapper(binary, encoding, "starc", line_buffering=lines)


def _nearest(error: UnicodeError) -> tuple[str, int]:
    """For characters that the stream cannot say: like ones, or their number."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end].translate(NEAREST)
    return printable(text).encode("ascii", "backslashreplace").decode(), error.end


class _Standard(io.FileIO):
    """stdin or stdout. What fails ends the command, and says which of them it was.

    Failure is no OSError: no library takes it for one that it knows how to handle. It
    comes once; what is left in buffers then goes nowhere.
    """

    def __init__(self, number: int, mode: str) -> None:
        super().__init__(number, mode, closefd=False)
        self.title = ("stdin", "stdout")[number]
        self.failed = False

    def readinto(self, buffer: Any) -> Any:
        try:
            return super().readinto(buffer)
        except OSError as error:
            raise self._failure(error) from error

    def readall(self) -> Any:
        try:
            return super().readall()
        except OSError as error:
            raise self._failure(error) from error

    def write(self, data: Any) -> Any:
        if self.failed:
            return len(data)
        try:
            return super().write(data)
        except BrokenPipeError as error:
            self.failed = True
            raise Failure("", BROKEN_PIPE) from error
        except OSError as error:
            raise self._failure(error) from error

    def _failure(self, error: OSError) -> Failure:
        self.failed = True
        closed = error.errno == errno.EBADF
        return Failure(f"{self.title}: {'It is closed' if closed else error.strerror}")


class _Messages(io.FileIO):
    """stderr. Where nobody hears a message, the exit code still tells."""

    def __init__(self, number: int, mode: str) -> None:
        super().__init__(number, mode, closefd=False)

    def write(self, data: Any) -> Any:
        try:
            return super().write(data)
        except OSError:
            return len(data)
