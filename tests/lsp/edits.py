"""Edits as people and their cats make them."""

import random

from .test_answers import PROGRAM, WRONG

PIECES = [
    *"{}()[]=,;:#\n\r\t .-_x0é😀\u2028\ufeff\x00",
    *("\r\n", "GQA", "k, v from a", "same as", "model m {", "}\n", "12 x {", "8/3"),
    *("parallel {", "genes(1,", "liv ", "= diff(", "weights from zz", "search {"),
    *WRONG.values(),
]


def edited(text: str, rng: random.Random) -> str:
    """The text after something was typed, deleted, moved or pasted; or begun anew."""
    if len(text) > 20_000 or rng.random() < 0.02:
        return PROGRAM
    start = rng.randrange(len(text) + 1)
    end = min(len(text), start + rng.choice((0, 0, 1, 1, 2, 5, 40)))
    put = rng.choice(("", rng.choice(PIECES), rng.choice(PIECES), text[end : end + 60]))
    return text[:start] + put + text[end:]
