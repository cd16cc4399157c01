"""Every class of the emitted file: equal LIVs share one, names tell variants apart."""

from collections import Counter
from dataclasses import field
from functools import lru_cache
from typing import assert_never

from starc.backend.code import Call, Expression
from starc.backend.emission import Argument, Emission, emission
from starc.backend.mixers import MixerClass, Variant, mixer_class
from starc.backend.parallels import Branch, parallel_class
from starc.backend.residuals import constructors
from starc.backend.wiring import Wiring
from starc.ir.nodes import Liv, Model, Parallel
from starc.ir.operator import Operator
from starc.values import dataclass

_LONGEST_NAME = 40


@dataclass(frozen=True)
class Made:
    """A class and the call that makes an instance of it: `Attention(config, ...)`."""

    made_of: MixerClass
    construct: Call


class Classes:
    """The emitted classes in order of first use, and what each layer is made of.

    fused: what a kernel computes in one launch is one call.
    """

    def __init__(self, model: Model, wiring: Wiring, fused: bool = True) -> None:
        self.wiring, self.fused = wiring, fused
        self.classes: list[MixerClass] = []
        self._by_structure: dict[object, MixerClass] = {}
        self._emissions: dict[int, Emission] = {}  # by identity: to hash one is slow
        self._names: set[str] = set()
        self.config = _agreed(
            [
                emission(o)
                for o in {id(v.operator): v.operator for v in model.livs()}.values()
            ]
        )
        self.layers: dict[str, Made] = {}
        self.livs: dict[str, str] = {}  # label -> class, branches of parallels too
        self.variants: dict[str, Variant] = {}
        for layer in model.made():
            match layer:
                case Liv():
                    self.layers[layer.label] = self._liv(layer)
                case Parallel():
                    self.layers[layer.label] = self._parallel(layer)
                case _:
                    assert_never(layer)

    def emission(self, operator: Operator) -> Emission:
        found = self._emissions.get(id(operator))
        if found is None:
            found = emission(operator).with_config(self.config.keys())
            if not self.fused:
                found = found.written_out()
            self._emissions[id(operator)] = found
        return found

    def _name(self, wanted: str) -> str:
        name, number = wanted, 2
        while name in self._names:
            name, number = f"{wanted}{number}", number + 1
        self._names.add(name)
        return name

    def _add(self, structure: object, made: MixerClass) -> MixerClass:
        self._by_structure[structure] = made
        self.classes.append(made)
        return made

    def _liv(self, liv: Liv) -> Made:
        emitted = self.emission(liv.operator)
        variant = self.wiring.variant(liv, self.livs)
        self.variants[liv.label] = variant
        structure = (emitted.structure, variant, liv.operator.reads > 0)
        found = self._by_structure.get(structure)
        if found is None:
            name = self._name(_variant_name(emitted.class_name, variant))
            wanted = _Wanted(name, structure, liv.operator, emitted, variant)
            found = self._add(structure, _written(wanted))
        self.livs[liv.label] = found.name
        return Made(found, found.construct(emitted))

    def _parallel(self, layer: Parallel) -> Made:
        start = len(self.classes)
        made = [self._liv(branch) for branch in layer.branches]
        branches = tuple(
            Branch(
                branch.stem,
                sign,
                m.made_of,
                self.variants[branch.label],
                tuple(self.wiring.from_siblings(branch).items()),
                self.wiring.lent_out.get(branch.label, ()),
                branch.residual,
            )
            for branch, sign, m in zip(layer.branches, layer.signs, made, strict=True)
        )
        structure = ("parallel", branches)
        found = self._by_structure.get(structure)
        if found is None:
            bases = [
                self.emission(branch.operator).class_name for branch in layer.branches
            ]
            difference = -1 in layer.signs
            wanted = f"Differential{bases[0]}" if difference else _together(bases)
            found = _parallel_written(self._name(wanted), branches)
            self._by_structure[structure] = found
            self.classes.insert(start, found)  # before its branches, as it is read
        parts: list[Expression] = []
        for branch, m in zip(layer.branches, made, strict=True):
            parts += [m.construct, *constructors(branch).values()]
        return Made(found, Call(found.name, tuple(parts)))


def _together(bases: list[str]) -> str:
    """`AttentionAndSSD`, `Attentions`; one word where that would be a sentence."""
    counts = Counter(bases)
    name = "And".join(f"{base}s" if n > 1 else base for base, n in counts.items())
    return name if len(name) <= _LONGEST_NAME else "Branches"


@dataclass(frozen=True)
class _Wanted:
    """A class that is to be written; what is equal in `structure` is written alike."""

    name: str
    structure: object
    operator: Operator = field(compare=False)
    emission: Emission = field(compare=False)
    variant: Variant = field(compare=False)


@lru_cache(maxsize=2048)
def _written(wanted: _Wanted) -> MixerClass:
    """Its text. A search compiles thousands of models of few classes."""
    return mixer_class(wanted.name, wanted.operator, wanted.emission, wanted.variant)


_parallel_written = lru_cache(maxsize=2048)(parallel_class)


def _agreed(emissions: list[Emission]) -> dict[str, Argument]:
    """The numbers that every operator which has them agrees on, one kind of it only."""
    found: dict[str, set[tuple[str, float]]] = {}
    arguments: dict[str, Argument] = {}
    for emitted in emissions:
        for argument in emitted.arguments:
            arguments.setdefault(argument.name, argument)
            values = found.setdefault(argument.name, set())
            values.add((emitted.template, argument.value))
    return {name: arguments[name] for name, values in found.items() if len(values) == 1}


def _variant_name(base: str, variant: Variant) -> str:
    def words(groups: tuple[str, ...]) -> str:
        return "".join(g.upper() if len(g) == 1 else g.capitalize() for g in groups)

    name = f"Shared{base}" if variant.weights else base
    borrowed = tuple(g for g in variant.borrowed if g not in variant.embedded)
    name += f"Borrowing{words(borrowed)}" if borrowed else ""
    name += f"Embedding{words(variant.embedded)}" if variant.embedded else ""
    name += "Borrowing" if variant.inputs else ""
    return name + (f"Lending{words(variant.lent)}" if variant.lent else "")
