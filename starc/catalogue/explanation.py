"""One entry of the catalogue."""

from starc.values import dataclass


@dataclass(frozen=True)
class Explanation:
    """`wrong` and `right` are complete small .star files; `wrong` yields `code` first.

    `wrong` is empty where no small text can show it (a file too large).
    """

    code: str
    title: str
    text: str
    wrong: str
    right: str
