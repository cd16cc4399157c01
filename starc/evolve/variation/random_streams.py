"""Random numbers without a state that one would have to save."""

from hashlib import sha256
from random import Random


def stream(seed: int, *words: int | str) -> Random:
    """The random numbers for one purpose: the same for the same seed and words.

    `words` say what they are for: a generation, an index, a purpose.
    """
    text = "/".join(str(word) for word in (seed, *words))
    return Random(int.from_bytes(sha256(text.encode()).digest()))
