"""Who knows the rule of a MAD task finds every answer from what stands before it."""

from collections.abc import Callable

import pytest
import torch

from starc.evolve.evaluation.mad_tasks import IGNORED, TASKS, Sizes
from starc.evolve.problem.objectives import MAD_TASKS

SIZES = Sizes(length=128)
COUNT = 64

Row = list[int]


def rows(name: str, seed: int = 0) -> list[tuple[Row, Row]]:
    generator = torch.Generator().manual_seed(seed)
    inputs, answers = TASKS[name].make(generator, COUNT, SIZES)
    return list(zip(inputs.tolist(), answers.tolist(), strict=True))


def recall(row: Row) -> Row:
    """The value that followed this key before; pairs of noise are left out."""
    known: dict[int, int] = {}
    found = []
    for key, value in zip(row[::2], row[1::2], strict=True):
        noise = key >= SIZES.vocab
        found += [IGNORED if noise else known.get(key, IGNORED), IGNORED]
        if not noise:
            known[key] = value
    return found


def fuzzy(row: Row) -> Row:
    """Words of keys and words of values alternate; their tokens tell them apart."""
    half, found = SIZES.vocab // 2, [IGNORED] * len(row)
    known: dict[tuple[int, ...], list[int]] = {}
    place = 0
    while place < len(row) and row[place] < SIZES.vocab:
        start = place
        while row[place] < half:
            place += 1
        key, middle = tuple(row[start:place]), place
        while place < len(row) and half <= row[place] < SIZES.vocab:
            place += 1
        if key in known:
            found[middle - 1 : place - 1] = known[key]
        known[key] = row[middle:place]
    return found


def copying(row: Row) -> Row:
    copied = [token for token in row if token < SIZES.vocab]
    return [IGNORED] * (len(row) - len(copied)) + copied


def compressed(row: Row) -> Row:
    return [*row[:-1], IGNORED]


RULES: dict[str, Callable[[Row], Row]] = {
    "in_context_recall": recall,
    "noisy_recall": recall,
    "fuzzy_recall": fuzzy,
    "selective_copying": copying,
    "compression": compressed,
}


@pytest.mark.parametrize("name", RULES)
def test_the_answers_follow_from_the_inputs(name: str) -> None:
    asked = 0
    for inputs, answers in rows(name):
        assert RULES[name](inputs) == answers
        asked += sum(answer != IGNORED for answer in answers)
    assert asked > COUNT, "something is asked in most sequences"


def test_memorisation_has_one_book_for_all() -> None:
    book: dict[int, set[int]] = {}
    for seed in (0, 1):
        for inputs, answers in rows("memorisation", seed):
            for key, mark, nothing, value in zip(
                inputs[::2], inputs[1::2], answers[::2], answers[1::2], strict=True
            ):
                assert mark == 2 * SIZES.facts and nothing == IGNORED
                book.setdefault(key, set()).add(value)
    assert len(book) == SIZES.facts
    assert all(len(values) == 1 for values in book.values())
    assert all(SIZES.facts <= v < 2 * SIZES.facts for s in book.values() for v in s)


@pytest.mark.parametrize("length", [16, 64, 128])
@pytest.mark.parametrize("name", MAD_TASKS)
def test_sizes(name: str, length: int) -> None:
    task, sizes = TASKS[name], Sizes(length=length)
    inputs, answers = task.make(torch.Generator().manual_seed(3), 8, sizes)
    assert inputs.shape == answers.shape and inputs.shape[1] <= length
    assert inputs.dtype == answers.dtype == torch.int64
    assert 0 <= inputs.min() and inputs.max() < task.vocab(sizes)
    assert answers[answers != IGNORED].max() < task.vocab(sizes)
    again = task.make(torch.Generator().manual_seed(3), 8, sizes)
    assert torch.equal(again[0], inputs) and torch.equal(again[1], answers)


def test_noise_is_a_fifth() -> None:
    inputs = torch.tensor([row for row, _ in rows("noisy_recall")])
    assert 0.15 < (inputs >= SIZES.vocab).float().mean() < 0.25


def test_copied_tokens_are_spread() -> None:
    places = [
        place
        for row, _ in rows("selective_copying")
        for place, token in enumerate(row)
        if token < SIZES.vocab
    ]
    room = SIZES.length - SIZES.copies
    assert len(places) == COUNT * SIZES.copies
    assert abs(sum(places) / len(places) - room / 2) < room / 20
