"""What may go wrong in a command, as one clear message and an exit code."""

import functools
import os
import sys
from collections.abc import Callable
from typing import NoReturn, ParamSpec

P = ParamSpec("P")

WRONG_INPUT = 1
WRONG_CALL = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells count
BROKEN_PIPE = 141  # 128 + SIGPIPE


class Failure(Exception):
    """Ends the command with a line on stderr."""

    def __init__(self, message: str, code: int = WRONG_CALL) -> None:
        super().__init__(message)
        self.code = code


def guarded(command: Callable[P, None]) -> Callable[P, None]:
    """The command, with every foreseeable exception turned into its exit code."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        from starc.diagnostics import StarError

        try:
            command(*args, **kwargs)
            sys.stdout.flush()
        except StarError as error:
            from starc.cli.streams import report

            report(error.diagnostics)
            sys.exit(WRONG_INPUT)
        except Failure as failure:
            _end(str(failure), failure.code)
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)
        except BrokenPipeError:
            # Python flushes stdout once more when it ends, and would complain.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(BROKEN_PIPE)
        except OSError as error:
            _end(_reason(error), WRONG_CALL)

    return run


def _end(message: str, code: int) -> NoReturn:
    print(f"starc: {message}", file=sys.stderr)
    sys.exit(code)


def _reason(error: OSError) -> str:
    reason = error.strerror or str(error)
    name = error.filename2 or error.filename
    return f"{name}: {reason}" if name else reason
