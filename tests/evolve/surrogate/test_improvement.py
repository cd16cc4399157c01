"""Expected improvement against exact hypervolumes and against sampling."""

import numpy as np
import pytest

from starc.evolve.selection.ranking import hypervolume
from starc.evolve.surrogate.improvement import View, batch, boxes, expected


def volume(points: list[tuple[float, ...]], reference: tuple[float, ...]) -> float:
    """pymoo's, whose reference point is 1.1 in each scaled objective."""
    scale = [end / 1.1 for end in reference]
    return hypervolume(points, [0.0] * len(scale), scale) * float(np.prod(scale))


def drawn(random: np.random.Generator, *shape: int) -> np.ndarray:
    return random.uniform(0.0, 1.2, shape)


@pytest.mark.parametrize("goals", [1, 2, 3])
def test_known_values_add_their_hypervolume(goals: int) -> None:
    random = np.random.default_rng(goals)
    reference = (1.1, 1.0, 0.9)[:goals]
    front = [tuple(map(float, p)) for p in drawn(random, 7, goals)]
    means = drawn(random, 40, goals)
    found = expected(means, np.zeros_like(means), front, reference)
    before = volume(front, reference)
    for mean, gain in zip(means, found, strict=True):
        after = volume([*front, tuple(map(float, mean))], reference)
        assert gain == pytest.approx(after - before, abs=1e-12)
    assert (found > 0).any() and (found == 0).any()


@pytest.mark.parametrize("goals", [2, 3])
def test_boxes_are_disjoint_and_cover_what_nobody_dominates(goals: int) -> None:
    random = np.random.default_rng(goals)
    reference = (1.0,) * goals
    front = [tuple(map(float, p)) for p in drawn(random, 6, goals)]
    points = drawn(random, 4000, goals)
    inside = np.zeros(len(points), int)
    for low, high in boxes(front, reference):
        inside += ((points >= low) & (points < high)).all(axis=1)
    free = (points < 1.0).all(axis=1)
    for member in front:
        free &= ~(points >= member).all(axis=1)
    assert (inside == free).all()


def test_uncertain_values_as_sampling_says() -> None:
    random = np.random.default_rng(0)
    reference = (1.1, 1.1)
    front = [(0.2, 0.8), (0.5, 0.4), (0.9, 0.1)]
    means = np.array([[0.3, 0.5], [0.9, 0.9], [0.55, 0.45], [0.1, 1.2]])
    deviations = np.array([[0.1, 0.05], [0.2, 0.3], [0.3, 0.0], [0.05, 0.2]])
    found = expected(means, deviations, front, reference)
    for mean, deviation, gain in zip(means, deviations, found, strict=True):
        samples = random.normal(mean, deviation, (20_000, 2))
        gains = expected(samples, np.zeros_like(samples), front, reference)
        error = gains.std() / np.sqrt(len(gains))
        assert abs(gains.mean() - gain) < 4 * error


def test_a_batch_does_not_ask_for_the_same_twice() -> None:
    """The second of two that are alike adds nothing once the first is there."""
    means = np.array([[0.3, 0.3], [0.3, 0.3], [0.1, 0.6], [2.0, 2.0]])
    one = View(means, np.zeros_like(means), [(0.5, 0.5)], (1.1, 1.1))
    assert [*batch([one])][:2] == [0, 2] and sorted(batch([one])) == [0, 1, 2, 3]
    assert [*batch([one._replace(front=[])])] == [0, 2, 1, 3]


def test_views_choose_in_turn() -> None:
    """Each the best of those left on its own scales, and knows what others chose."""
    flat = np.array([[0.9, 0.1], [0.5, 0.5], [0.1, 0.9]])
    steep = np.array([[0.9, 0.9], [0.5, 0.85], [0.1, 0.0]])
    views = [View(m, np.zeros_like(m), [], (1.1, 1.1)) for m in (flat, steep)]
    assert [*batch(views)] == [1, 2, 0]
