"""Why an evaluation ends early."""

import re


class Ended(Exception):
    """Raised inside an evaluation: `status` as in Outcome, the message its reason."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def invalid(reason: str) -> Ended:
    return Ended("invalid", reason)


def failed(reason: str) -> Ended:
    return Ended("failed", reason)


def kind(reason: str) -> str:
    """The same for reasons that differ in their numbers only."""
    return re.sub(r"\d[\d.,]*(e[+-]?\d+)?", "#", reason)


def in_words(error: BaseException) -> str:
    """One line for `reason`; memory that ran out is named as such."""
    text = " ".join(str(error).split())[:300]
    kind = type(error).__name__
    out_of_memory = kind == "OutOfMemoryError" or any(
        sign in text for sign in ("can't allocate memory", "CUDA out of memory")
    )
    if out_of_memory or isinstance(error, MemoryError):
        return "out of memory" + (f": {text}" if text else "")
    if isinstance(error, Ended):
        return text
    return f"{kind}: {text}" if text else kind
