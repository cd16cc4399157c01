"""The searches of the study, each in a run folder, and what of it is kept: a file of
JSON lines with a line for each candidate and each generation."""

import json
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.study.sizes import CACHE, QUALITY, SIZE, Size, search
from starc.evolve import coordinator
from starc.evolve.problem.architecture import source
from starc.evolve.problem.candidate import Candidate
from starc.evolve.problem.spec import Spec
from starc.evolve.storage.database import FILE, Database
from starc.evolve.storage.rows import Row
from starc.evolve.workers.local import Inline, Local, Workers
from starc.folders import Folder
from starc.genome import read, write

MEASURES = QUALITY, CACHE, SIZE


@dataclass(frozen=True)
class Member:
    """A candidate. measures: as far as it came; all of them where status is ok."""

    id: int
    generation: int
    genome: str
    status: str
    measures: dict[str, float]

    def text(self, size: Size) -> str:
        """Its .star file."""
        return _text(self.genome, size)

    def __getitem__(self, measure: str) -> float:
        return self.measures[measure]


@cache
def _text(genome: str, size: Size) -> str:
    return source(Candidate(read(genome)), search(size, 0))


@dataclass(frozen=True)
class Search:
    """populations: by generation, the ids that survived it. of: digest of the text."""

    seed: int
    of: str
    members: dict[int, Member]
    populations: list[list[int]]

    @property
    def trained(self) -> list[Member]:
        return [one for one in self.members.values() if one.status == "ok"]

    def born(self, generation: int) -> list[Member]:
        """Those trained of a generation; -1: of the last."""
        last = len(self.populations) - 1
        wanted = last if generation < 0 else generation
        return [one for one in self.trained if one.generation == wanted]


def run(spec: Spec, folder: Path, minutes: float, processes: int) -> bool:
    """Goes on with a search for so many minutes at most; whether it is finished."""

    def team(spec: Spec, candidates: Folder) -> Workers:
        if spec.trainer.kind == "simulated":
            return Inline(spec, candidates)
        return Local(spec, candidates, processes, 1)

    if (folder / FILE).exists():
        database = Database.open(folder)
        spent = database.seconds("elapsed") / 60
        database.close()
        budget = {"minutes": spent + minutes}
        end = coordinator.resume(folder, team, budget=budget)
    else:
        end = coordinator.begin(replace(spec, minutes=minutes), folder, team)
    if end.state == "interrupted":
        raise SystemExit(130)
    return end.state == "finished"


def export(folder: Path, file: Path, of: str) -> None:
    """The run of `folder` as lines: its text, candidates, then generations."""
    database = Database.open(folder)
    try:
        rows, generations = database.candidates(), database.generations()
    finally:
        database.close()
    lines: list[dict[str, Any]] = [{"of": of}, *map(_line, rows)]
    lines += [
        {"population": one.population, "hypervolume": one.hypervolume}
        for one in generations
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))


def _line(row: Row) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": row.id,
        "generation": row.generation,
        "genome": write(row.candidate.genome),
        "status": row.status,
    }
    measures = {name: row.measure(name) for name in MEASURES}
    return found | {name: one for name, one in measures.items() if one is not None}


def load(file: Path, seed: int) -> Search:
    """What `export` wrote."""
    members, populations = {}, []
    first, *lines = map(json.loads, file.read_text().splitlines())
    for one in lines:
        if "population" in one:
            populations.append(one["population"])
        else:
            measures = {name: one[name] for name in MEASURES if name in one}
            of = one["id"], one["generation"], one["genome"], one["status"]
            members[one["id"]] = Member(*of, measures)
    return Search(seed, first["of"], members, populations)
