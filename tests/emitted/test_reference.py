"""The emitted model is the reference: outputs and gradients, for every operator,
option and form of sharing, with the optional passes and without, and token by token."""

from collections.abc import Callable
from functools import lru_cache

import pytest
import torch

from tests.emitted.architectures import (
    ARCHITECTURES,
    hybrids,
    plain,
    settings,
    sharing,
)
from tests.emitted.comparison import Answer, answer, check, check_decoding
from tests.emitted.helpers import OPTIONAL, Emitted, emit
from tests.reference.operators import SHARED

LONG, SHORT = 70, 11
"""Tokens; LONG is more than a chunk of every kernel."""

PLAIN = frozenset(plain())
HYBRIDS = frozenset(hybrids())
SMALL = PLAIN | settings().keys() | HYBRIDS
"""Where float32 is tried: in the forms of sharing it says nothing that float64 does
not, and rounding grows with depth (up to 6e-5 in gradients of some)."""

FORMS = len(sharing()) // len(SHARED)
SELDOM = {
    name for index, name in enumerate(sharing()) if sum(divmod(index, FORMS)) % 14
}
"""Left to the slow tests: the others have every form of sharing with one kind of
operator or two, and most kinds in one form or two."""


@lru_cache(maxsize=2)
def emit_once(name: str) -> Emitted:
    return emit(ARCHITECTURES[name])


@lru_cache(maxsize=2)
def answer_once(name: str) -> Answer:
    return answer(emit_once(name).ir, LONG if name in PLAIN else SHORT)


def optimized(name: str) -> None:
    check(emit_once(name), answer_once(name))


def unoptimized(name: str) -> None:
    check(emit(ARCHITECTURES[name], OPTIONAL), answer_once(name))


def decoded(name: str) -> None:
    check_decoding(emit_once(name), answer_once(name))


def single(name: str) -> None:
    check(emit_once(name), answer_once(name), torch.float32)


def without(step: str) -> Callable[[str], None]:
    """That optional pass alone."""

    def way(name: str) -> None:
        check(emit(ARCHITECTURES[name], {step}), answer_once(name))

    way.__name__ = f"without_{step}"
    return way


ONE_LESS = [without(step) for step in sorted(OPTIONAL)]


def ways(name: str) -> list[Callable[[str], None]]:
    found = [optimized, unoptimized, decoded]
    found += [single] if name in SMALL else []
    return found + (ONE_LESS if name in HYBRIDS else [])


# The ways of one model stand beside each other, so that its reference is made once.
@pytest.mark.parametrize(
    "name, way",
    [
        pytest.param(name, way, marks=pytest.mark.slow if name in SELDOM else ())
        for name in ARCHITECTURES
        for way in ways(name)
    ],
)
def test_equals_the_reference(name: str, way: Callable[[str], None]) -> None:
    way(name)
