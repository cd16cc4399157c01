"""Short trainings that several searches ask for: each function is trained once a seed.

A line of benchmarks/results/trainings.csv: what was trained (sha256 of the function and
of the text of the search, 16 digits), its seed, and bits a byte of held-out text, nan
where it diverged. A line is added when a training ends: what was killed goes on there.
"""

import csv
import math
import tempfile
from functools import cache
from hashlib import sha256
from pathlib import Path

from benchmarks import table
from starc.evolve.evaluation.failure import failed
from starc.evolve.problem.architecture import function, to_ir
from starc.evolve.problem.candidate import Candidate
from starc.evolve.problem.spec import Spec

ROWS = table.ROWS.with_name("trainings.csv")

Known = dict[tuple[str, int], float]


@cache
def load(file: Path) -> Known:
    """By what was trained and seed."""
    if not file.exists():
        file.write_text("trained,seed,bits\n")
    with file.open(newline="") as lines:
        return {
            (line["trained"], int(line["seed"])): float(line["bits"])
            for line in csv.DictReader(lines)
        }


def bits(candidate: Candidate, text: str, spec: Spec, file: Path = ROWS) -> float:
    """Bits a byte after the training that `text`, a search, asks for, with spec's seed.

    Raises Ended where it diverged.
    """
    known = load(file)
    what = sha256((function(to_ir(candidate, spec)) + text).encode()).hexdigest()[:16]
    if (what, spec.seed) not in known:
        with tempfile.TemporaryDirectory() as folder:
            found = round(table.train(candidate, spec, spec.seed, Path(folder)), 4)
        with file.open("a") as lines:
            lines.write(f"{what},{spec.seed},{found}\n")
        known[what, spec.seed] = found
    if math.isnan(known[what, spec.seed]):
        raise failed("diverged")
    return known[what, spec.seed]
