"""What makes a candidate illegal, and what is changed so that it is not."""

from collections.abc import Callable
from random import Random

from starc.alphabet.around import AROUND
from starc.evolve.problem.architecture import buildable, surroundings
from starc.evolve.problem.candidate import Candidate, Parameters
from starc.evolve.problem.spec import Spec
from starc.evolve.variation import changes
from starc.evolve.variation.changes import Changes
from starc.genome import Genome, legality, meaning, repair

Draw = Callable[[int, Random], Parameters]
TRIES = 20
"""Draws of parameters before the class's own are taken."""


def problem(candidate: Candidate, spec: Spec) -> str:
    """Why the candidate describes no architecture, "" if it describes one."""
    around = surroundings(spec)
    for found in legality(candidate.genome, around.classes):
        return f"LIV {found.position}, gene {found.gene}: {found.why}"
    if not candidate.parameters and not candidate.model:
        return ""
    owners = _owners(candidate.genome)
    for position, (code, *_) in enumerate(candidate.genome):
        given = candidate.of_liv(position)
        if not buildable(code, given, candidate.model, spec):
            said = _words((*given, *candidate.model))
            return f"LIV {position}: {said} do not fit together"
        owner = owners[position]
        if _shared(given) != _shared(candidate.of_liv(owner)):
            return f"LIV {position} shares with LIV {owner}, whose parameters differ"
    return ""


def repaired(
    candidate: Candidate, spec: Spec, draw: Draw, random: Random
) -> tuple[Candidate, Changes]:
    """The nearest legal candidate, and what was changed to get there.

    First the genes, as the compiler's own repair does it. Then what the model says:
    what a LIV cannot have is as in the file. Then parameters: those that do not fit
    together are drawn again, and LIVs that share take the owner's.
    """
    around = surroundings(spec)
    mended = repair(candidate.genome, random, around.classes, around.pool)
    done = [changes.repaired(change, around.classes) for change in mended.changes]
    genome = mended.genome
    model, left = _fitting(genome, candidate.model, spec)
    done += left
    if not candidate.parameters:
        return Candidate(genome, (), model), tuple(done)
    given = list(candidate.parameters)

    def change(position: int, new: Parameters, why: str) -> None:
        old, now = dict(given[position]), dict(new)
        for name in sorted({*old, *now}):
            if old.get(name) != now.get(name):
                done.append(
                    changes.parameter(
                        "repair", position, name, old.get(name), now.get(name), why
                    )
                )
        given[position] = new

    for position, (genes, before) in enumerate(
        zip(genome, candidate.genome, strict=True)
    ):
        code = genes[0]
        if code != before[0]:
            change(position, draw(code, random), "the class was drawn again")
        tries = 0
        while not buildable(code, given[position], model, spec):
            tries += 1
            new = draw(code, random) if tries < TRIES else ()
            change(position, new, "the old ones did not fit together")
    for position, owner in enumerate(_owners(genome)):
        if _shared(given[position]) != _shared(given[owner]):
            own = set(given[position]) - set(_shared(given[position]))
            new = tuple(sorted({*_shared(given[owner]), *own}))
            change(position, new, f"it shares with LIV {owner}")
    parameters = tuple(given) if any(given) else ()
    return Candidate(genome, parameters, model), tuple(done)


def _fitting(
    genome: Genome, model: Parameters, spec: Spec
) -> tuple[Parameters, Changes]:
    """The genes of the model that all LIVs can have, and those that were left out."""
    if _misfit(genome, model, spec) is None:
        return model, ()
    kept: Parameters = ()
    left = []
    for gene in model:
        misfit = _misfit(genome, (*kept, gene), spec)
        if misfit is None:
            kept = (*kept, gene)
        else:
            name = surroundings(spec).classes[misfit].name
            left.append(changes.model("repair", *gene, None, f"{name} cannot have it"))
    return kept, tuple(left)


def _misfit(genome: Genome, model: Parameters, spec: Spec) -> int | None:
    """The first class that a model with these genes cannot have."""
    codes = (code for code, *_ in genome)
    return next((c for c in codes if not buildable(c, (), model, spec)), None)


def _owners(genome: Genome) -> list[int]:
    """For each LIV the first of all that it shares with, directly or by others."""
    root = list(range(len(genome)))

    def find(position: int) -> int:
        while root[position] != position:
            position = root[position]
        return position

    for position, liv in enumerate(meaning(genome)):
        for other in (liv.weights_from, liv.features_from):
            if other >= 0:
                one, two = find(position), find(other)
                root[max(one, two)] = min(one, two)
    return [find(position) for position in range(len(genome))]


def _shared(parameters: Parameters) -> Parameters:
    """Without what stands around a LIV, which is each LIV's own."""
    return tuple(pair for pair in parameters if pair[0] not in AROUND)


def _words(parameters: Parameters) -> str:
    return ", ".join(f"{name} = {value}" for name, value in parameters)
