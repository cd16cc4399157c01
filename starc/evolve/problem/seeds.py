"""Architectures that people designed, as members of the first population."""

from collections.abc import Iterator
from itertools import cycle, islice

from starc.genome import Classes, Genes, Genome, published

LFM2_ATTENTION = (2, 5, 8, 10, 12, 14)
"""Which of LFM2's 16 mixers are attention (arXiv 2511.23404)."""


def named(name: str, depth: int) -> Genome:
    """One of `transformer_pp`, `striped_hybrid` and `lfm2`, of `depth` LIVs."""
    livs = islice(_livs(name, (depth + 1) // 2), depth)
    return tuple(_alone(code) for code in livs)


def _livs(name: str, mixers: int) -> Iterator[int]:
    """A GMemless after every mixer, as in all three."""
    for mixer in _mixers(name, mixers):
        yield _code(mixer)
        yield _code("GMemless")


def _mixers(name: str, count: int) -> Iterator[str]:
    if name == "transformer_pp":
        return iter(["SA-1"] * count)
    if name == "striped_hybrid":
        return islice(cycle(("Rec-1", "SA-1")), count)
    assert name == "lfm2", name
    attention = _lfm2_attention(count)
    return iter(["SA-3" if at in attention else "GConv-1" for at in range(count)])


def _lfm2_attention(count: int) -> frozenset[int]:
    """LFM2's own places for 16 mixers; 6 of 16, as evenly as there, for fewer."""
    if count >= 16:
        return frozenset(at for at in range(count) if at % 16 in LFM2_ATTENTION)
    some = max(1, round(count * len(LFM2_ATTENTION) / 16))
    chosen = [
        LFM2_ATTENTION[(2 * i + 1) * len(LFM2_ATTENTION) // (2 * some)]
        for i in range(some)
    ]
    return frozenset(at * count // 16 for at in chosen)


def _code(name: str, classes: Classes | None = None) -> int:
    classes = classes or published()
    return next(code for code, liv in classes.items() if liv.name == name)


def _alone(code: int) -> Genes:
    return code, 1, 1, 1, 1
