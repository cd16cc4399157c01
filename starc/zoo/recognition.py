"""A model -> the families that can say it, each with its configuration.

The table of a family is read backwards, which gives a configuration; that is read
forwards, and what it says has to be the model. So nothing is recognised that the
importer would not read as the same architecture.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, assert_never

from starc import compiler, passes
from starc.alphabet import prelude, template_of
from starc.ir.compare import describe_changes
from starc.ir.identity import structure
from starc.ir.nodes import Liv, Model, Parallel
from starc.source import Source
from starc.values import dataclass
from starc.zoo.error import ZooError
from starc.zoo.families import NAMES, family
from starc.zoo.family import Beside, Family, Part, Reading, Step, flat
from starc.zoo.reading import read
from starc.zoo.seen import SILENT, Instance, Seen, Unlike, options_of
from starc.zoo.spelling import source

_FIRST = ("llama", "mistral", "qwen2", "qwen3")
"""Of several families that can say a model, those that most programs can read."""


@dataclass(frozen=True)
class Recognised:
    """config: what a `config.json` holds. reading: what it says, which is the model."""

    family: str
    config: dict[str, Any]
    reading: Reading


def recognise(model: Model, name: str = "") -> Recognised:
    """The family of a model, and its configuration; name: of the family that is meant.

    model: after the passes. Raises ZooError, with what the nearest family lacks.
    """
    names = (name,) if name else (*_FIRST, *(n for n in NAMES if n not in _FIRST))
    reasons: dict[str, tuple[str, ...]] = {}
    for one in names:
        try:
            return _recognised(family(one), model)
        except ZooError as error:
            reasons[one] = error.lines
    if name:
        raise ZooError(f"This is no {name}", reasons[name])
    nearest = min(reasons, key=lambda one: (len(reasons[one]), names.index(one)))
    raise ZooError(
        f"No family of `starc zoo` has this architecture; {nearest} is near, but",
        reasons[nearest],
    )


def _recognised(family: Family, model: Model) -> Recognised:
    try:
        seen = _laid_out(family, model)
        config = _configuration(family, seen)
    except Unlike as unlike:
        raise ZooError(f"This is no {family.name}", (str(unlike),)) from None
    reading = read(config)
    expected = replace(_model_of(reading), context=model.context)
    if structure(expected) != structure(model):
        raise ZooError(
            f"This is no {family.name}", tuple(describe_changes(expected, model))
        )
    return Recognised(family.name, config, reading)


def _model_of(reading: Reading) -> Model:
    return passes.run(compiler.to_ir(Source("<read>", source(reading, "model"))))


def _configuration(family: Family, seen: Seen) -> dict[str, Any]:
    for name, field in family.fields.items():
        found = field.back(seen)
        if found is not SILENT:
            seen.values[name] = found
    # Tokens are of the text; their defaults would be those of another vocabulary.
    return {
        "model_type": family.name,
        "architectures": [family.architecture],
        **dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id")),
        **seen.values,
    }


# Which layers there are ---------------------------------------------------------------


def _laid_out(family: Family, model: Model) -> Seen:
    """The model in layers of the family. Raises Unlike."""
    whole, layers = model.whole(), tuple(model.layers())
    made = tuple(whole[layer.label] for layer in layers)
    said = frozenset(
        [*family.always, *(a for f in family.fields.values() for a in f.says)]
    )
    kinds_of_layers = {kind: flat(steps) for kind, steps in family.kinds.items()}
    best: list[tuple[int, tuple[str, ...]] | None] = [(0, ())]
    for end in range(1, len(layers) + 1):
        found = [
            (before[0] + cost, (*before[1], kind))
            for kind, steps in kinds_of_layers.items()
            if (start := end - len(steps)) >= 0
            and (before := best[start]) is not None
            and (cost := _cost(steps, made[start:end], said)) is not None
        ]
        best.append(min(found, key=lambda pair: pair[0], default=None))
    last = best[-1]
    if last is None:
        reached = max(end for end, found in enumerate(best) if found is not None)
        raise Unlike(f"{layers[reached].label}: no layer of a {family.name} is so")
    kinds = last[1]
    steps = [step for kind in kinds for step in kinds_of_layers[kind]]
    instances = [
        one
        for step, layer in zip(steps, made, strict=True)
        for one in _instances(step, layer)
    ]
    return Seen(model, kinds, tuple(instances), said)


def _cost(
    steps: Sequence[Step],
    layers: Sequence[Liv | Parallel],
    said: frozenset[str],
) -> int | None:
    """How much less a LIV says than its part could; None: they do not fit."""
    total = 0
    for step, layer in zip(steps, layers, strict=True):
        if not _fits(step, layer):
            return None
        for one in _instances(step, layer):
            found = _of_instance(one, said)
            if found is None:
                return None
            total += found
    return total


def _fits(step: Step, layer: Liv | Parallel) -> bool:
    """Whether they are of one kind."""
    match layer:
        case Parallel() if isinstance(step, Beside):
            branches = layer.branches
            return (
                len(branches) == len(step.parts)
                and {*layer.signs} == {1}
                and all(map(_fits, step.parts, branches))
            )
        case Liv() if isinstance(step, Part):
            of_kind = _kind(step.liv) == layer.operator.kind
            return of_kind and step.reads == layer.residual.source
        case Liv() | Parallel():
            return False
        case _:
            assert_never(layer)


def _kind(liv: str) -> str:
    """The kind of operator of a name that a table uses."""
    name = {"attention": "SA-1", "glu": "GMemless"}.get(liv, liv)
    meaning = prelude().livs[name]
    assert meaning is not None
    return meaning.liv.template.kind


def _instances(step: Step, layer: Liv | Parallel) -> Iterator[Instance]:
    parts = step.parts if isinstance(step, Beside) else (step,)
    for part, liv in zip(parts, layer.livs, strict=True):
        roles, own = (*part.roles, part.alias), part.own
        residual = liv.residual if "placement" in own else layer.residual
        yield Instance(roles, own, liv, residual)


def _of_instance(one: Instance, said: frozenset[str]) -> int | None:
    """Words that may be `none`: one too many costs, one too few does not fit."""
    options = options_of(one.liv.operator, one.residual)
    own = {name: value for name, value in one.own.items() if value is not SILENT}
    if any(_plain(options.get(n)) != _plain(value) for n, value in own.items()):
        return None
    total = 0
    for option in template_of(one.liv.operator.kind).options:
        if not option.none or option.name in one.own:
            continue
        sayable = any(f"{role}.{option.name}" in said for role in one.roles)
        there = options.get(option.name) is not None
        if there and not sayable:
            return None
        total += sayable and not there
    return total + (options.get("rope") is False and "rope" not in one.own)


def _plain(value: Any) -> Any:
    """`true` is another word for `head`, in what a part always says."""
    return "head" if value is True else value
