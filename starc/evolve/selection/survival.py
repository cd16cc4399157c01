"""The algorithms: what becomes the next population, and who its parents are."""

from collections.abc import Sequence

from starc.evolve.problem.architecture import surroundings
from starc.evolve.problem.candidate import Candidate
from starc.evolve.problem.spec import Spec
from starc.evolve.selection.ranking import Ranked, Scored, mean_ranks, rank

BINS = 4
"""Of map_elites: shares of each kind of mixing are told apart in quarters."""


def survivors(
    spec: Spec,
    old: Sequence[Scored],
    children: Sequence[Scored],
    candidates: dict[int, Candidate],
    noise: Sequence[float] = (),
) -> list[Ranked]:
    """The next population, the best first.

    nsga2, random: the best of parents and children by front and crowding. ga: by mean
    rank over the objectives, `elitism` of the parents and the best of the children.
    map_elites: the best of each cell, where a cell is how the tokens are mixed.
    `candidates`: those of all ids. noise: of the first two algorithms, see `rank`.
    """
    everyone = [*old, *children]
    size = max(spec.population, spec.elitism)
    if spec.algorithm == "ga":
        return _generational(spec, old, children)
    if spec.algorithm == "map_elites":
        elites: dict[tuple[int, ...], Ranked] = {}
        measured = [one for one in everyone if one.tier < 3]
        for one in mean_ranks(measured):
            elites.setdefault(cell(candidates[one.id], spec), one)
        return list(elites.values()) or mean_ranks(everyone)[:size]
    return rank(everyone, spec, noise)[:size]


def _generational(
    spec: Spec, old: Sequence[Scored], children: Sequence[Scored]
) -> list[Ranked]:
    """Children take the places of all parents but the best few."""
    ranked = mean_ranks([*old, *children])
    of_parents = {one.id for one in old}
    elite = [one for one in ranked if one.id in of_parents][: spec.elitism]
    young = [one for one in ranked if one.id not in of_parents]
    rest = [one for one in ranked if one.id in of_parents and one not in elite]
    chosen = [*elite, *young, *rest][: spec.population]
    return sorted(chosen, key=lambda one: one.key)


def parents(
    spec: Spec, population: Sequence[Scored], noise: Sequence[float] = ()
) -> list[Ranked]:
    """A population as its tournaments see it."""
    if spec.algorithm in ("ga", "map_elites"):
        return mean_ranks(population)
    return rank(population, spec, noise)


def cell(candidate: Candidate, spec: Spec) -> tuple[int, ...]:
    """Quarters of LIVs that keep all tokens, recur, or convolve."""
    classes = surroundings(spec).classes
    tokens = [classes[code].template.token for code, *_ in candidate.genome]
    return tuple(
        round(BINS * tokens.count(kind) / len(tokens))
        for kind in ("low_rank", "semi_separable", "toeplitz")
    )
