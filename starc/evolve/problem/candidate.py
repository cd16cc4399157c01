"""A candidate: a genome, and the parameters that the search opened."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from starc.artefacts import ArtefactError
from starc.evolve.storage import stored
from starc.genome import Genome, canonical

Value = int | float | bool | str
"""Of a parameter. A fraction is text as the language writes it: "8/3"."""

Parameters = tuple[tuple[str, Value], ...]
"""Sorted by name."""


@dataclass(frozen=True)
class Candidate:
    """One architecture.

    genome: five integers a LIV. parameters: for each LIV the options that the search
    opens, ("kernel", 4); () where none is. model: genes of the model block, such as
    ("placement", "sandwich").
    """

    genome: Genome
    parameters: tuple[Parameters, ...] = ()
    model: Parameters = ()

    def key(self) -> str:
        """sha256 in hex; equal for equal architectures: silent genes do not count."""
        canon = self.canonical()
        return hashlib.sha256(canon.to_json().encode()).hexdigest()

    def canonical(self) -> "Candidate":
        """The one spelling of this architecture."""
        used = self.parameters if any(self.parameters) else ()
        given = tuple(tuple(sorted(of_liv)) for of_liv in used)
        model = tuple(sorted(self.model))
        return Candidate(canonical(self.genome), given, model)

    def of_liv(self, position: int) -> Parameters:
        """The opened parameters of one LIV."""
        return self.parameters[position] if self.parameters else ()

    def to_json(self) -> str:
        """`{"genome": [[2,1,2,1,1]], "model": [], "parameters": []}`, canonical."""
        found = {
            "genome": self.genome,
            "parameters": self.parameters,
            "model": self.model,
        }
        return json.dumps(found, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "Candidate":
        """Raises ArtefactError where `to_json` did not write it."""
        return cls.of(stored.parsed(text, "candidate"))

    @classmethod
    def of(cls, found: Any) -> "Candidate":
        """From the value of the JSON. Raises ArtefactError."""
        if not isinstance(found, dict):
            raise ArtefactError("candidate is no object")
        genome = stored.genome(found.get("genome"))
        listed = found.get("parameters")
        if not isinstance(listed, list) or len(listed) not in (0, len(genome)):
            raise ArtefactError("parameters are not one list for each LIV")
        parameters = tuple(stored.pairs(one, "parameters") for one in listed)
        return cls(genome, parameters, stored.pairs(found.get("model"), "model"))
