"""A run as `starc evolve` would leave it, made up in a few seconds: 288 candidates.

The schema is that of starc.evolve.database; what was measured is a smooth function of
the architecture and a little noise, so that there is something to see.
"""

import hashlib
import json
import math
import sqlite3
import sys
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from starc import compiler, passes
from starc.evolve.problem.architecture import source
from starc.evolve.problem.candidate import Candidate
from starc.evolve.problem.spec import Objective, Spec, Trainer
from starc.evolve.storage.database import FILE
from starc.evolve.storage.schema import SCHEMA, SCHEMA_VERSION
from starc.evolve.variation import changes as kinds
from starc.genome import Genome, published, random_genome, repair
from starc.ir.cost import costs

POOL = ("SA-1", "SA-3", "Rec-1", "Rec-1-Diff", "GConv-1", "GConv-1-Diff", "GMemless")
MLP = (9, 1, 1, 1, 1)
ATTENTION, REC, CONV = (1, 1, 1, 1, 1), (5, 1, 1, 1, 1), (7, 1, 1, 1, 1)
SEEDS: dict[str, Genome] = {
    "transformer_pp": (ATTENTION, MLP) * 6,
    "striped": (REC, MLP, ATTENTION, MLP) * 3,
    "lfm2": (CONV, MLP, CONV, MLP, (3, 1, 1, 1, 1), MLP) * 2,
}
NASTY = "<script>alert('seed')</script><b>&amp;"
"""A name that must stay text wherever it is shown."""


def spec(population: int = 16, generations: int = 18) -> Spec:
    return Spec(
        model=(("width", "128"), ("vocab", "256"), ("context", "256")),
        pool=POOL,
        depth=(12, 12),
        population=population,
        generations=generations,
        seeds=tuple((name, Candidate(genome)) for name, genome in SEEDS.items()),
        objectives=(Objective("bits_per_byte", "min"), Objective("cache", "min")),
        trainer=Trainer(steps=200, batch=8, context=256, rungs=(0.25, 1.0)),
    )


def write(
    folder: Path, population: int = 16, generations: int = 18, seed: int = 0
) -> Path:
    """Makes `folder` with the database of a finished run; returns it."""
    folder.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(folder / FILE)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.executescript(SCHEMA)
    searched = replace(spec(population, generations), seed=seed)
    made = _Fake(connection, searched, Random(seed))
    made.meta()
    for number in range(generations):
        made.generation(number)
    connection.commit()
    connection.close()
    return folder


class _Fake:
    def __init__(self, connection: sqlite3.Connection, of: Spec, random: Random):
        self.connection, self.spec, self.random = connection, of, random
        self.genomes: dict[int, Genome] = {}
        self.points: dict[int, tuple[float, float]] = {}
        self.population: list[int] = []
        self.keys: set[str] = set()

    def meta(self) -> None:
        found = {
            "schema": str(SCHEMA_VERSION),
            "spec": self.spec.to_json(),
            "digest": self.spec.digest(),
            "starc": "0.1.0",
            "seed": "0",
            "state": "finished",
        }
        self.connection.executemany("INSERT INTO meta VALUES (?, ?)", found.items())

    def generation(self, number: int) -> None:
        for place in range(self.spec.population):
            while not self.propose(number, place):
                pass
        everyone = [*self.points]
        ranked = sorted(everyone, key=lambda id: (self.rank(id), self.points[id]))
        self.population = ranked[: self.spec.population]
        front = sorted(id for id in everyone if self.rank(id) == 0)
        row = (
            number,
            json.dumps(self.population),
            json.dumps(front),
            self.hypervolume(front),
            "{}",
        )
        self.connection.execute("INSERT INTO generations VALUES (?,?,?,?,?)", row)
        for name, spent in (("elapsed", 80.0), ("engine", 0.2)):
            timing = (0, 0, name, spent)
            self.connection.execute("INSERT INTO timings VALUES (?,?,?,?)", timing)
        statistics = json.dumps(
            {"tried": 20, "invalid": 9, "seen as genome": 4, "repaired": {"gene 2": 5}}
        )
        self.connection.execute(
            "INSERT INTO proposals VALUES (?,?)", (number, statistics)
        )

    def propose(self, number: int, place: int) -> bool:
        random, parents = self.random, []
        changes: list[Any] = []
        classes = [c for c, liv in published().items() if liv.name in POOL]
        names = [*SEEDS]
        valid = True
        if number == 0 and place < len(SEEDS):
            genome, origin = SEEDS[names[place]], f"seed:{names[place]}"
            if place == 2:
                origin = f"seed:{NASTY}"
        elif number == 0:
            genome, origin = random_genome(random, 12, pool=classes), "sample"
        else:
            parents = random.sample(self.population, 2)
            origin = random.choice(["crossover", "crossover", "mutation"])
            genome, changes, valid = self.child(parents, origin, classes)
            if origin == "mutation":
                parents = parents[:1]
        candidate = Candidate(genome)
        if candidate.key() in self.keys:
            return False
        self.keys.add(candidate.key())
        id = len(self.genomes) + 1
        self.genomes[id] = genome
        text = source(candidate, self.spec)
        self.connection.execute(
            "INSERT INTO candidates VALUES (?,?,?,?,?,?,?,?,?,?)",
            (
                id,
                candidate.key(),
                candidate.to_json(),
                text,
                number,
                origin,
                json.dumps(parents),
                json.dumps(changes),
                int(valid),
                hashlib.sha256(text.encode()).hexdigest(),
            ),
        )
        self.evaluate(id, text)
        return True

    def child(
        self, parents: list[int], origin: str, classes: list[int]
    ) -> tuple[Genome, list[dict[str, Any]], bool]:
        random = self.random
        a, b = (self.genomes[id] for id in parents)
        if origin == "crossover":
            low, high = sorted(random.sample(range(len(a) + 1), 2))
            livs = [list(g) for g in (*a[:low], *b[low:high], *a[high:])]
        else:
            livs = [list(g) for g in a]
        changes: list[dict[str, Any]] = []
        for position, genes in enumerate(livs):
            for gene in range(5):
                if random.random() > 0.06:
                    continue
                new = random.choice(
                    [classes, range(1, 5), (1, 2), range(1, 5), (1, 2)][gene]
                )
                if new != genes[gene]:
                    old, genes[gene] = genes[gene], new
                    done = kinds.gene(
                        "mutation", position, gene + 1, old, new, published()
                    )
                    changes.append(done)
        mixed = tuple(tuple(genes) for genes in livs)
        fixed = repair(mixed, random, pool=classes)  # type: ignore[arg-type]
        changes += [kinds.repaired(c, published()) for c in fixed.changes]
        return fixed.genome, changes, not fixed.changes

    def evaluate(self, id: int, text: str) -> None:
        model = passes.run(compiler.to_ir(text))
        found = costs(model, 256, 2)
        genome = self.genomes[id]
        noise = Random(f"{id}")
        mixers = [g[0] for g in genome if g[0] != 9]
        attention = sum(code in (1, 3) for code in mixers) / len(genome)
        diff = sum(code in (14, 16) for code in mixers) / len(genome)
        mlps = sum(g[0] == 9 for g in genome) / len(genome)
        kinds = len({*mixers})
        loss = 2.1 - 0.7 * math.sqrt(attention) - 0.6 * diff * (1 - diff)
        loss += 1.3 * (mlps - 0.45) ** 2 - 0.06 * kinds
        loss -= 0.05 * math.log(found.total.params / 1e6) - noise.gauss(0, 0.02)
        early = loss * 1.3 + noise.gauss(0, 0.06)
        measures = {
            "params": found.total.params,
            "cache": found.total.cache_bytes,
            "flops": found.total.prefill_flops,
            "loss_at_50": early,
            "bits_per_byte": early / math.log(2),
        }
        fate = noise.random()
        final = {"loss_at_200": loss, "loss": loss, "bits_per_byte": loss / math.log(2)}
        final["mad"] = min(1.0, max(0.0, 0.9 - 0.25 * loss + noise.gauss(0, 0.06)))
        first = (id, 0, "ok", "", json.dumps(measures))
        status, reason, rung = "ok", "", 1
        if id > 3 and fate < 0.03:
            status, reason, rung = "failed", f"diverged: step {id}: loss is nan", 0
        elif id > 3 and fate < 0.04:
            status, reason, rung = "failed", "out of memory: <b>4 GB</b> & more", 0
        elif id > 3 and fate < 0.05:
            status, reason, rung = "invalid", "the past sees token 7 of the future", 0
        elif id > 16 and fate < 0.13:
            status, reason, rung = "stopped", "halving: rank 9 of 16 at rung 0", 0
        else:
            measures |= final
            self.points[id] = (measures["bits_per_byte"], measures["cache"])
        last = (id, rung, status, reason, json.dumps(measures))
        insert = "INSERT INTO {} VALUES (?,?,?,?,?)"
        self.connection.execute(insert.format("outcomes"), last)
        for row in {0: (last,), 1: (first, last)}[rung]:
            self.connection.execute(insert.format("rungs"), row)
        for name, spent in (("compile", 0.02), ("gates", 0.4), ("train", 9.0)):
            seconds = spent * (0.8 + 0.4 * noise.random())
            insert = "INSERT INTO timings VALUES (?,?,?,?)"
            self.connection.execute(insert, (id, rung, name, seconds))

    def rank(self, id: int) -> int:
        """How many candidates dominate this one."""
        x, y = self.points[id]
        return sum(
            a <= x and b <= y and (a, b) != (x, y) for a, b in self.points.values()
        )

    def hypervolume(self, front: list[int]) -> float:
        right, top, volume = 3.2, 700_000.0, 0.0
        for x, y in sorted(self.points[id] for id in front):
            if x < right and y < top:
                volume += (right - x) * (top - y)
                top = y
        return volume / 1e5


if __name__ == "__main__":
    write(Path(sys.argv[1]))
