"""The IR in words, for `--emit ir`, `show` and `diff`."""

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import assert_never

from starc.ir.nodes import Again, Layer, Liv, Model, Parallel, Written
from starc.ir.operator import Operator
from starc.ir.residual import (
    AND_EMBEDDING,
    BARE,
    EMBEDDING,
    LEARNED,
    STREAM,
    Norm,
    Residual,
)
from starc.ir.streams import AttentionResidual, Hyper, Streams
from starc.numerals import numeral


def number(value: object) -> str:
    """A setting as it is read: `1e6`, `65536`, `yes`, `none`."""
    if value is True or value is False:
        return "yes" if value else "no"
    if isinstance(value, float):
        return numeral(value).replace("_", "")  # as widths and the vocabulary
    if value is None or value == "":
        return "none"
    if is_dataclass(value) and not isinstance(value, type):
        said = ((f, getattr(value, f.name)) for f in fields(value))
        parts = (f"{f.name} {number(v)}" for f, v in said if v != f.default)
        return f"({', '.join(parts)})"
    return str(value)


def settings(operator: Operator) -> dict[str, object]:
    """Every number of an operator, without the widths around it."""
    around = ("width", "reads")
    names = (field.name for field in fields(operator) if field.name not in around)
    return {name: getattr(operator, name) for name in names}


def said_none(value: object) -> object:
    """None for the number 0 and for no word, which mean none in every operator."""
    return None if value in (0, "") and value is not False else value


def described(operator: Operator) -> str:
    """`heads 16, kv_heads 8, head_dim 64`: what is not off."""
    usual = {f.name: f.default for f in fields(operator) if type(f.default) is float}
    parts = (
        f"{name} {number(value)}" if value is not True else name
        for name, value in settings(operator).items()
        if value not in (None, False, 0, "") and value != usual.get(name)
    )
    return ", ".join(parts)


def model_settings(model: Model | Written) -> dict[str, object]:
    """The settings of the residual stream, defaults too, under the language's names."""
    norm = model.embedding_norm
    return {
        "width": model.width,
        "vocab": model.vocab,
        "context": model.context,
        "tied": model.tied,
        "norm": _norm(model.norm),
        "eps": model.norm.eps,
        **_of_model(residual_settings(model.residual)),
        "embedding_scale": model.embedding_scale,
        "logit_scale": model.logit_scale,
        "logit_softcap": model.logit_softcap or None,
        **({"positions": "learned"} if model.learned_positions else {}),
        **({"embedding_norm": _norm(norm)} if norm else {}),
        **({"head_bias": True} if model.head_bias else {}),
        **({"streams": described_streams(model.streams)} if model.streams else {}),
        **({"layer_vocab": model.layer_vocab} if model.layer_vocab else {}),
    }


def described_streams(streams: Streams) -> str:
    """`altup of 4`, `hyper of 4, static`, `attention, normed`."""
    match streams:
        case AttentionResidual():
            return streams.kind + (", normed" if streams.normed else "")
        case Hyper(dynamic=False):
            return f"{streams.kind} of {streams.count}, static"
        case _:
            return f"{streams.kind} of {streams.count}"


def _of_model(settings: dict[str, object]) -> dict[str, object]:
    """Without what only a LIV says."""
    return {
        n: v for n, v in settings.items() if n not in ("input_scale", "input", "output")
    }


def _norm(norm: Norm) -> str:
    """`layer`, `layer without bias`, `rms without weight`."""
    if not norm.weight:
        return f"{norm.kind} without weight"
    return norm.kind if norm.bias else f"{norm.kind} without bias"


def residual_settings(residual: Residual) -> dict[str, object]:
    """What may differ from one residual to the next, under the language's names."""
    return {
        "placement": residual.placement,
        "residual_scale": LEARNED if residual.learned_scale else residual.scale,
        "skip_scale": LEARNED if residual.learned_skip else residual.skip,
        "input_scale": LEARNED if residual.learned_input else residual.input,
        "input": AND_EMBEDDING if residual.entered else STREAM,
        "output": residual.output,
    }


def around(layer: Liv | Parallel, model: Model | Written) -> str:
    """`placement post`: what a layer's residual has that the model's has not; or ""."""
    return _unlike(layer.residual, model.residual)


def inside(branch: Liv) -> str:
    """`placement pre`: what a branch of a parallel has of its own; or ""."""
    return _unlike(branch.residual, BARE)


def _unlike(residual: Residual, other: Residual) -> str:
    usual = residual_settings(other)
    return ", ".join(
        f"{name} {number(value)}"
        for name, value in residual_settings(residual).items()
        if value != usual[name]
    )


def name_of(layer: Layer) -> str:
    """The class by the name that the text uses: an alias of it, or its own."""
    match layer:
        case Liv():
            return layer.alias or layer.name
        case Parallel() | Again():
            return class_of(layer)
        case _:
            assert_never(layer)


def class_of(layer: Layer) -> str:
    """The class by its own name, the same for all of its aliases."""
    match layer:
        case Again():
            return "same as"
        case Liv() | Parallel():
            return layer.name
        case _:
            assert_never(layer)


def sharing(layer: Layer) -> list[str]:
    """Where a resolved layer gets what it has not itself: "k, v from attn_1"."""
    match layer:
        case Again():
            read = [f"reads {layer.source}"] if layer.source else []
            return [f"same as {layer.of}", *read]
        case Parallel():
            branches = layer.branches
            return [
                f"{branch.label}: {text}"
                for branch in branches
                for text in sharing(branch)
            ]
        case Liv():
            return [f"{what} from {source}" for what, source in sources(layer)]
        case _:
            assert_never(layer)


def sources(liv: Liv) -> list[tuple[str, str]]:
    """The clauses that a resolved LIV could have been written with, by their targets.

    ("weights", "c1"), ("k, v", "a1") and ("input", "a1"). Weights of single groups
    only are named too: ("weights of k", "a1").
    """
    taken: dict[str, list[str]] = {}
    owners: dict[str, list[str]] = {}
    computed = 0
    for feature in liv.features:
        if feature.input != liv.label:
            taken.setdefault(feature.input, []).append(feature.group)
            continue
        computed += 1
        if feature.weights != liv.label:
            owners.setdefault(feature.weights, []).append(feature.group)
    found: list[tuple[str, str]] = []
    for owner, groups in owners.items():
        whole = len(groups) == computed
        found.append(("weights" if whole else f"weights of {listed(groups)}", owner))
    if liv.mixing != liv.label and liv.mixing not in owners:
        if liv.operator.has_mixing_tensors:
            found.append(("weights of the mixing", liv.mixing))
    found.extend(
        (listed(groups), source or EMBEDDING) for source, groups in taken.items()
    )
    if liv.source:
        found.append((liv.residual.source, liv.source))
    return found


def listed(names: Sequence[str]) -> str:
    return ", ".join(names)
