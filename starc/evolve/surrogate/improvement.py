"""How much hypervolume a candidate is expected to add, in closed form.

The region that a front leaves undominated is cut into boxes. In each the expected
improvement of independent normal values is a product over the objectives, since the
length that a value v gains between l and u is max(0, u - v) - max(0, l - v): see
Emmerich, Deutz and Klinkenberg, CEC 2011, and Yang et al., 2019 (arXiv 1904.12672). A
value that is known has deviation 0. All values are to be minimized.
"""

from collections.abc import Iterator, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from numpy import ndarray

Point = tuple[float, ...]
Box = tuple[Point, Point]
"""Lower and upper ends; a lower end may be -inf."""


class View(NamedTuple):
    """The same candidates on one choice of scales: means and deviations (n, m)."""

    means: "ndarray"
    deviations: "ndarray"
    front: Sequence[Point]
    reference: Point


def boxes(front: Sequence[Point], reference: Point) -> list[Box]:
    """Disjoint boxes whose union is all below `reference` that no point dominates."""
    inside = [p for p in front if all(a < b for a, b in zip(p, reference, strict=True))]
    return _boxes(inside, reference)


def _boxes(points: Sequence[Point], reference: Point) -> list[Box]:
    """By slabs of the last objective: in each, the points that reach below it count."""
    last = reference[-1]
    if len(reference) == 1:
        return [((float("-inf"),), (min([last, *(p[0] for p in points)]),))]
    found: list[Box] = []
    ends = [float("-inf"), *sorted({p[-1] for p in points}), last]
    for low, high in zip(ends, ends[1:], strict=False):
        below = [p[:-1] for p in points if p[-1] <= low]
        for lower, upper in _boxes(below, reference[:-1]):
            found.append(((*lower, low), (*upper, high)))
    return found


def expected(
    means: "ndarray", deviations: "ndarray", front: Sequence[Point], reference: Point
) -> "ndarray":
    """Expected gain of hypervolume of each candidate; means (n, m), deviations (n, m).

    Returns (n,), in the unit of the product of the objectives.
    """
    import numpy as np

    cut = boxes(front, reference)
    lower = np.array([low for low, _ in cut])  # (boxes, m)
    upper = np.array([high for _, high in cut])
    gains = np.ones((len(means), len(cut)))
    for column in range(means.shape[1]):
        mean, deviation = means[:, column, None], deviations[:, column, None]
        ends = (upper[None, :, column], lower[None, :, column])
        above, below = (_shortfall(end, mean, deviation) for end in ends)
        gains *= above - below
    total: ndarray = gains.sum(axis=1)
    return total


def _shortfall(end: "ndarray", mean: "ndarray", deviation: "ndarray") -> "ndarray":
    """E max(0, end - v) of a normal v."""
    import numpy as np
    from scipy.special import ndtr

    end, mean, deviation = np.broadcast_arrays(end, mean, deviation)
    finite = np.isfinite(end)
    gap = np.where(finite, end, 0.0) - mean
    z = gap / np.where(deviation > 0, deviation, 1.0)
    density = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    noisy = gap * ndtr(z) + deviation * density
    exact = np.maximum(gap, 0.0)
    return np.where(finite, np.where(deviation > 0, noisy, exact), 0.0)


def batch(views: Sequence[View]) -> Iterator[int]:
    """All candidates, the best first: each as if those before it had come out as
    expected. Where nothing is gained any more, those that come first. The views choose
    in turn."""
    fronts = [list(view.front) for view in views]
    left = list(range(len(views[0].means)))
    for turn in cycle(range(len(views))):
        if not left:
            return
        view = views[turn]
        means, deviations = view.means[left], view.deviations[left]
        gains = expected(means, deviations, fronts[turn], view.reference)
        best = left.pop(int(gains.argmax()))
        yield best
        for one, front in zip(views, fronts, strict=True):
            front.append(tuple(float(v) for v in one.means[best]))
