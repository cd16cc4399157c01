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
from tests.sampled import sampled

LONG, SHORT = 70, 11
"""Tokens; LONG is more than a chunk of every kernel."""

SMALL = plain() | settings() | hybrids()
"""Where float32 is tried: in the forms of sharing it says nothing that float64 does
not, and rounding grows with depth (up to 6e-5 in gradients of some)."""

FORMS = len(sharing()) // len(SHARED)
SELDOM = {
    name for index, name in enumerate(sharing()) if sum(divmod(index, FORMS)) % 14
}
"""Left to the slow tests: the others have every form of sharing with one kind of
operator or two, and most kinds in one form or two."""

NAMES = sampled(ARCHITECTURES, ARCHITECTURES.keys() - set(SELDOM))


@lru_cache(maxsize=2)
def emit_once(name: str) -> Emitted:
    return emit(ARCHITECTURES[name])


@lru_cache(maxsize=2)
def answer_once(name: str) -> Answer:
    return answer(emit_once(name).ir, LONG if name in plain() else SHORT)


def optimized(name: str) -> None:
    check(emit_once(name), answer_once(name))


def unoptimized(name: str) -> None:
    check(emit(ARCHITECTURES[name], OPTIONAL), answer_once(name))


def decoded(name: str) -> None:
    check_decoding(emit_once(name), answer_once(name))


# The ways of one model stand beside each other, so that its reference is made once.
@pytest.mark.parametrize("way", [optimized, unoptimized, decoded])
@pytest.mark.parametrize("name", NAMES)
def test_equals_the_reference(name: str, way: Callable[[str], None]) -> None:
    way(name)


@pytest.mark.parametrize("name", SMALL)
def test_float32(name: str) -> None:
    check(emit_once(name), answer_once(name), torch.float32)


@pytest.mark.parametrize("left_out", sorted(OPTIONAL))
@pytest.mark.parametrize("name", hybrids())
def test_without_one_pass(name: str, left_out: str) -> None:
    check(emit(ARCHITECTURES[name], {left_out}), answer_once(name))
