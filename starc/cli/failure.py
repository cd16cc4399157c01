"""How a command ends, and the exception that ends it."""

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
