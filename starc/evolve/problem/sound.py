"""What a search goes on from has to be what such a search writes.

Types and ranges are checked wherever a database is read (storage/stored.py); here, what
depends on the search: so that crossover, mutation and selection never have to ask.
"""

import math
from collections.abc import Iterable
from typing import Any

from starc.artefacts import ArtefactError
from starc.diagnostics import StarError
from starc.evolve.problem.architecture import source, surroundings
from starc.evolve.problem.candidate import Candidate
from starc.evolve.problem.spec import Spec


def check_candidate(candidate: Candidate, spec: Spec, at: str, legal: bool) -> None:
    """ArtefactError, which begins with `at`, unless this search could have made it."""
    around = surroundings(spec)
    opened = {around.code(name): dict(values) for name, values in spec.open}
    for position, (code, *_) in enumerate(candidate.genome):
        if code not in around.classes:
            raise ArtefactError(f"{at}: there is no LIV of code {code}")
        given = opened.get(code, {})
        for name, value in candidate.of_liv(position):
            if value not in given.get(name, ()):
                raise ArtefactError(f"{at}: {name} = {value} is not open")
    genes = dict(spec.genes)
    for name, value in candidate.model:
        if value not in genes.get(name, ()):
            raise ArtefactError(f"{at}: {name} = {value} is not searched")
    if legal:
        try:
            source(candidate, spec)
        except StarError as error:
            raise ArtefactError(f"{at}: {error.diagnostics[0].title}") from None


def check_statistics(found: dict[str, Any], spec: Spec) -> None:
    """ArtefactError unless they are those of a generation of this search."""
    for name in ("status", "objectives"):
        if not isinstance(found.get(name), dict):
            raise ArtefactError(f"statistics: {name} is no object")
    _numbers(found["status"].values(), "statistics: status")
    for goal in found["objectives"].values():
        if not isinstance(goal, dict):
            raise ArtefactError("statistics: objectives are no objects")
        _numbers([goal.get("best"), goal.get("median")], "statistics: objectives")
    reference = found.get("reference")
    if reference is None:
        return
    for end in ("ideal", "nadir"):
        values = reference.get(end) if isinstance(reference, dict) else None
        if not isinstance(values, list) or len(values) != len(spec.objectives):
            raise ArtefactError("statistics: reference is not that of the objectives")
        _numbers(values, "statistics: reference")


def _numbers(values: Iterable[Any], what: str) -> None:
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ArtefactError(f"{what} is no number")
        if not math.isfinite(value):
            raise ArtefactError(f"{what} is not finite")
