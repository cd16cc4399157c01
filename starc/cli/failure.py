"""How a command ends, the exception that ends it, and what it cannot do without."""

FINE = 0
WRONG_INPUT = 1
WRONG_CALL = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells count
BROKEN_PIPE = 141  # 128 + SIGPIPE
TERMINATED = 143  # 128 + SIGTERM


class Failure(Exception):
    """Ends the command with a line on stderr; with none where the message is empty."""

    def __init__(self, message: str, code: int = WRONG_CALL) -> None:
        super().__init__(message)
        self.code = code


def needs(module: str, extra: str, who: str = "this needs") -> None:
    """Raises Failure, with the way to get it, where a library is not installed."""
    from importlib.util import find_spec

    if find_spec(module) is None:
        raise Failure(f"{who} {module}: pip install 'starc[{extra}]'")
