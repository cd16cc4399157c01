"""What a search is to do: the search block, read, with its defaults."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

from starc.artefacts import ArtefactError, string
from starc.evolve.problem.candidate import Candidate, Value
from starc.evolve.storage import stored
from starc.lower.search_options import PLAIN, TRAINER

Arguments = tuple[tuple[str, Value], ...]
Opened = tuple[tuple[str, tuple[tuple[str, tuple[Value, ...]], ...]], ...]
"""Class -> its opened parameters -> their values."""


def label(name: str, arguments: Arguments = ()) -> str:
    """How a measure is called in outcomes: `cache`, `cache(context = 4096)`."""
    if not arguments:
        return name
    return f"{name}({', '.join(f'{key} = {value}' for key, value in arguments)})"


@dataclass(frozen=True)
class Objective:
    """`minimize cache(context = 4096)`. direction: "min" or "max"."""

    name: str
    direction: str
    arguments: Arguments = ()

    @property
    def label(self) -> str:
        """Its key in the measures of an outcome."""
        return label(self.name, self.arguments)


@dataclass(frozen=True)
class Requirement:
    """`require params <= 130M`. relation: <=, >=, <, > or ==."""

    name: str
    relation: str
    bound: float
    arguments: Arguments = ()

    @property
    def label(self) -> str:
        return label(self.name, self.arguments)


@dataclass(frozen=True)
class Trainer:
    """How candidates are trained before their loss is taken.

    kind: "real", or "simulated": a function of the candidate's key, for tests.
    steps, batch, context: of a full training, in sequences and tokens.
    learning_rates: tried one after the other, the best one counts; at `base_width`
        (0: the model's own width), and scaled by base_width / width elsewhere.
    rungs: shares of the steps after which candidates are compared, the last is 1.
    keep: share of the candidates that goes on to the next rung.
    rivals: whom a rung compares with: "generation", or "all" that ever came to it.
    dtype: "float32", "bfloat16" or "auto". compile: torch.compile.
    time_limit: seconds for one evaluation, 0: none. memory_limit: bytes, 0: none.
    mad_steps: steps of each of the six MAD tasks, where they are asked for.
    inherit: whether a child starts from its parents' tensors: see inheritance.py.
    repeat: one candidate in so many is trained twice, 0: none: see repeats.py.
    """

    kind: str = "real"
    steps: int = 200
    batch: int = 16
    context: int = 256
    learning_rates: tuple[float, ...] = (1e-3,)
    base_width: int = 0
    warmup: int = 20
    weight_decay: float = 0.1
    seed: int = 0
    rungs: tuple[float, ...] = (1.0,)
    keep: float = 0.5
    rivals: str = "generation"
    dtype: str = "auto"
    compile: bool = False
    device: str = ""
    time_limit: float = 0.0
    memory_limit: int = 0
    mad_steps: int = 200
    inherit: bool = False
    repeat: int = 0


BUDGET = ("generations", "evaluations", "minutes")
"""Settings that say when a run ends, and decide no result: they may change when it is
resumed."""


@dataclass(frozen=True)
class Spec:
    """All that decides the result of a search.

    model: settings of the model block as written, such as ("norm", "rms(eps = 1e-5)").
    name: of the model block. definitions: the file's own LIVs and featurizers.
    pool: the LIVs that may be used, by name. depth: fewest and most LIVs.
    genes: settings of the model block that are searched, such as
        ("placement", ("pre", "sandwich")).
    open: class -> parameter -> the values that are searched.
    labels: of groups that share, drawn from 1 to this: of `inherit` the most there are
        of a kind; with 0 nothing is shared.
    surrogate: whether a model of the measures chooses among children in excess; of
        nsga2 alone.
    variation: "inherit" or "paper": what a spec says that was stored without it.
    blocks: whether children take motifs of the population whole; of "inherit" alone.
    generations, evaluations, minutes: the budget; 0: no limit of this kind.
    repair: of what crossover and mutation make; first members are always legal.
    seeds: named members of the first population.
    data: path of text or token files, "": the sources of the standard library.
    """

    model: tuple[tuple[str, str], ...] = (("width", "768"),)
    name: str = "searched"
    definitions: str = ""
    pool: tuple[str, ...] = ()
    depth: tuple[int, int] = (24, 24)
    genes: tuple[tuple[str, tuple[Value, ...]], ...] = ()
    open: Opened = ()
    labels: int = 4
    population: int = 16
    generations: int = 18
    algorithm: str = "nsga2"
    surrogate: bool = False
    variation: str = "paper"
    tournament: int = 2
    crossover: int = 2
    blocks: bool = False
    mutation: float = 0.1
    elitism: int = 2
    repair: bool = True
    seeds: tuple[tuple[str, Candidate], ...] = ()
    objectives: tuple[Objective, ...] = (
        Objective("perplexity", "min"),
        Objective("cache", "min"),
    )
    requirements: tuple[Requirement, ...] = ()
    evaluations: int = 0
    minutes: float = 0.0
    trainer: Trainer = Trainer()
    data: str = ""
    seed: int = 0

    @property
    def foresees(self) -> bool:
        """Whether a model of the measures chooses: other algorithms have none."""
        return self.surrogate and self.algorithm == "nsga2"

    def to_json(self) -> str:
        """Canonical: equal specs give equal texts."""
        found: dict[str, Any] = asdict(self)
        found["seeds"] = [[name, json.loads(c.to_json())] for name, c in self.seeds]
        return json.dumps(found, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "Spec":
        """Raises ArtefactError where `to_json` did not write it."""
        given = stored.like(cls, stored.parsed(text, "spec"), "spec", PLAIN)
        seeds = given.pop("seeds", [])
        trainer = stored.like(
            Trainer, given.pop("trainer", {}), "spec.trainer", TRAINER
        )
        goals = [
            stored.like(Objective, one, "spec.objectives")
            for one in given.pop("objectives", [])
        ]
        needs = [
            stored.like(Requirement, one, "spec.requirements")
            for one in given.pop("requirements", [])
        ]
        try:
            spec = cls(
                **_tuples(given),
                seeds=tuple(
                    (string(name, "spec.seeds"), Candidate.of(one))
                    for name, one in seeds
                ),
                objectives=tuple(Objective(**_tuples(goal)) for goal in goals),
                requirements=tuple(Requirement(**_tuples(need)) for need in needs),
                trainer=Trainer(**_tuples(trainer)),
            )
            spec.width  # noqa: B018 - a model without a width is none
        except (KeyError, TypeError, ValueError) as error:
            raise ArtefactError(f"spec: {error}") from None
        return spec

    @property
    def width(self) -> int:
        return int(dict(self.model)["width"].replace("_", ""))

    def digest(self) -> str:
        """sha256 of all that decides results: not the budget, which may grow."""
        found = json.loads(self.to_json())
        for name in BUDGET:
            found.pop(name)
        text = json.dumps(found, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def _tuples(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_tuples(item) for item in value)
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return value
