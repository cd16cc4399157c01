"""What a configuration says, as a `.star` file that a person would have written."""

import re
from collections.abc import Mapping
from itertools import groupby
from typing import Any

from starc.alphabet import prelude
from starc.alphabet.arguments import read_arguments
from starc.alphabet.around import AROUND
from starc.diagnostics import Problems, StarError
from starc.frontend import ast
from starc.frontend.parse import parse
from starc.frontend.unparse import unparse
from starc.genome.roll import roll
from starc.lower.built import built_of
from starc.lower.model import MODEL_OPTIONS, read_model
from starc.source import Source
from starc.values import dataclass
from starc.zoo.error import ZooError
from starc.zoo.family import Beside, Part, Reading, Steps, Together
from starc.zoo.values import arguments, written

_KEPT = {"width", "vocab", "context", "heads", "kv_heads", "hidden", "kernel"}
"""Said even where a default says the same: a reader wants to see them."""

_ORDER = [option.name for option in MODEL_OPTIONS]

_Livs = dict[str, tuple[str, dict[str, Any]]]
"""By alias: the LIV that it is, and what is said of it."""


@dataclass(frozen=True)
class _Said:
    """What stands in a text. layers: each on a line, by aliases."""

    settings: Mapping[str, Any]
    livs: _Livs
    layers: list[str]


_GATED = {"silu": "SwiGLU", "gelu": "GeGLU", "relu": "ReGLU"}


def source(reading: Reading, name: str, origin: str = "") -> str:
    """The text, in canonical form. name: of the model. origin: where it was read.

    Raises ZooError where the language cannot say it: a size beyond its limits, say.
    """
    said = _said(reading)
    first = _text(reading, name, origin, said)
    silent = _silent(first) - _of_branches(reading)
    settings = {k: v for k, v in said.settings.items() if ("", k) not in silent}
    livs = {
        alias: (liv, {k: v for k, v in options.items() if (alias, k) not in silent})
        for alias, (liv, options) in said.livs.items()
    }
    text = _text(reading, name, origin, _Said(settings, livs, said.layers))
    return unparse(parse(Source("<imported>", text), Problems()))


def spelled_out(reading: Reading) -> str:
    """The same model in more words, with what `source` leaves out because a default
    says it: quicker, for whoever wants what the text means."""
    return _text(reading, "model", "", _said(reading))


def _said(reading: Reading) -> _Said:
    livs: _Livs = {}
    layers = [
        _layer(reading, reading.family.kinds[kind], depth, livs)
        for depth, kind in enumerate(reading.layers)
    ]
    found = _of("model", reading.settings)
    settings = {name: found[name] for name in _ORDER if name in found}
    assert settings.keys() == found.keys(), "a setting that the language lacks"
    return _Said(settings, livs, layers)


def _of_branches(reading: Reading) -> set[tuple[str, str]]:
    """What says something in a branch, though of a layer the model says it already."""
    steps = [step for layer in reading.steps for step in layer]
    branches = (part for s in steps if isinstance(s, Beside) for part in s.parts)
    return {(part.alias, option) for part in branches for option in AROUND}


def _of(address: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    found = (key.partition(".") for key in settings)
    return {
        name: settings[f"{address}.{name}"]
        for start, _, name in found
        if start == address and settings[f"{address}.{name}"] is not None
    }


def _layer(
    reading: Reading,
    steps: Steps,
    depth: int,
    livs: _Livs,
) -> str:
    """A layer on a line; the aliases that it needs are noted in `livs`."""
    words = []
    for step in steps:
        if isinstance(step, Together):
            words.append(f"block {{ {_layer(reading, step.steps, depth, livs)} }}")
        elif isinstance(step, Beside):
            inside = [_alias(reading, part, depth, livs) for part in step.parts]
            said = f"({arguments(step.options)})" if step.options else ""
            words.append(f"parallel{said} {{ {'; '.join(inside)} }}")
        else:
            words.append(_alias(reading, step, depth, livs))
    return "; ".join(words)


def _alias(
    reading: Reading,
    part: Part,
    depth: int,
    livs: _Livs,
) -> str:
    """How a part is used, and what its alias means, noted in `livs`."""
    found = _spelled(part.liv, reading.options(part))
    livs.setdefault(part.alias, found)
    assert livs[part.alias] == found, f"{part.alias} means two things"
    values = reading.values
    here = arguments({n: of(values, depth) for n, of in part.by_depth.items()})
    said = f"{part.alias}({here})" if here else part.alias
    return part.use(values, depth).around(said) if part.use else said


def _spelled(liv: str, options: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The name that the field has for a LIV, and what is left to say."""
    if liv == "attention":
        heads, kv_heads = options["heads"], options["kv_heads"]
        if heads == kv_heads:
            return "MHA", {k: v for k, v in options.items() if k != "kv_heads"}
        if kv_heads == 1:
            return "MQA", {k: v for k, v in options.items() if k != "kv_heads"}
        return "GQA", options
    if liv == "glu":
        name = _GATED.get(options.get("activation", "silu"))
        if name:
            return name, {k: v for k, v in options.items() if k != "activation"}
        return "GLU", options
    return liv, options


def _text(reading: Reading, name: str, origin: str, said: _Said) -> str:
    comments = [f"# {reading.family.title}" + (f", from {origin}" if origin else "")]
    notes = [*reading.notes, *(f"In the weights: {fold}" for fold in reading.folds)]
    comments += [f"# {note}." for note in notes]
    lines = [f"{key} = {written(value)}" for key, value in said.settings.items()]
    aliases = [
        f"liv {alias} = {liv}"
        + (f"({inside})" if (inside := arguments(options)) else "")
        for alias, (liv, options) in said.livs.items()
    ]
    return "\n".join(
        [
            *comments,
            f"model {name} {{",
            *(f"  {line}" for line in lines),
            "}\n",
            *aliases,
            "\nbackbone {",
            *_rolled(said.layers),
            "}\n",
        ]
    )


def _rolled(layers: list[str]) -> list[str]:
    """Equal layers as repeats, and these in repeats again; or the other way about."""
    lines, alone = [], []  # alone: what stands in no repeat so far
    for run in roll(layers):
        body = layers[run.start : run.start + run.period]
        if run.times == 1:
            alone += body
            continue
        lines += [*_in_runs(alone), f"{run.times} x {{", *_in_runs(body), "}"]
        if len(body) == 1:
            lines[-3:] = [f"{run.times} x {{ {body[0]} }}"]
        alone = []
    return min([*lines, *_in_runs(alone)], _in_runs(layers), key=len)


def _in_runs(layers: list[str]) -> list[str]:
    runs = [(layer, len([*same])) for layer, same in groupby(layers)]
    lines = [
        layer if times == 1 else f"{times} x {{ {layer} }}" for layer, times in runs
    ]
    found: list[str] = []
    for run in roll(lines):
        body = lines[run.start : run.start + run.period]
        found += body if run.times == 1 else [f"{run.times} x {{", *body, "}"]
    return found


def _silent(text: str) -> set[tuple[str, str]]:
    """What the text says without need: (alias or "", name of the setting)."""
    problems = Problems()
    program = parse(Source("<imported>", text), problems)
    try:
        problems.check()
        return _silent_settings(program) | _silent_options(program)
    except StarError as error:
        titles = (f"{d.title}: {d.label}" for d in error.diagnostics)
        raise ZooError("The language cannot say this", tuple(titles)) from None


def _silent_settings(program: ast.Program) -> set[tuple[str, str]]:
    (block,) = (item for item in program.items if isinstance(item, ast.Model))
    said = _model(block)
    found = set()
    for setting in block.settings:
        rest = tuple(one for one in block.settings if one is not setting)
        if setting.name.text in _KEPT:
            continue
        if _model(ast.Model(block.span, block.name, rest)) == said:
            found.add(("", setting.name.text))
    return found


def _model(block: ast.Model) -> object:
    problems = Problems()
    settings = read_model(block, frozenset(), problems)
    problems.check()
    assert settings is not None and settings.stream is not None
    return settings.model((), block.span), settings.stream


def _silent_options(program: ast.Program) -> set[tuple[str, str]]:
    (block,) = (item for item in program.items if isinstance(item, ast.Model))
    found = set()
    for alias in program.items:
        if not isinstance(alias, ast.LivAlias):
            continue
        said = _operator(alias, alias.arguments, block)
        left = alias.arguments
        for setting in alias.arguments:
            rest = tuple(one for one in left if one is not setting)
            if setting.name.text in _KEPT or _operator(alias, rest, block) != said:
                continue
            left = rest
            found.add((alias.name.text, setting.name.text))
    return found


def _operator(
    alias: ast.LivAlias, options: tuple[ast.Setting, ...], block: ast.Model
) -> object:
    """The operator and the residual that an alias means; None where it means none."""
    problems = Problems()
    settings = read_model(block, frozenset(), problems)
    meaning = prelude().livs[alias.liv.text]
    assert settings is not None and settings.stream is not None and meaning is not None
    given = read_arguments(options, meaning.liv, meaning.stated, problems)
    found = built_of(meaning.liv, given, alias.span, settings, problems)
    if options is alias.arguments:
        problems.check()
    return found


def model_name(text: str, otherwise: str) -> str:
    """A name for a model, made of the name of a folder: SmolLM3-3B -> smollm3_3b."""
    found = re.sub(r"[^a-z0-9]+", "_", text.lower()[:80]).strip("_")
    return found if re.match(r"[a-z]", found) else otherwise
