"""`starc diff`: what changed between two architectures, LIV by LIV, in words."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from difflib import SequenceMatcher
from itertools import groupby
from typing import NamedTuple, assert_never

from starc.ir.cost import costs
from starc.ir.descriptions import (
    model_settings,
    name_of,
    number,
    residual_settings,
    said_none,
    settings,
    sources,
)
from starc.ir.nodes import Again, Layer, Liv, Model, Parallel, sections
from starc.ir.operator import Operator

Pair = tuple[Layer | None, Layer | None]  # (before, after); None: added or removed


class _Change(NamedTuple):
    """`label`: of the LIV, as it is called after the change."""

    label: str
    text: str


def describe_changes(a: Model, b: Model) -> list[str]:
    """What makes `b` of `a`, a sentence each; nothing when they are equal.

    Both are resolved models. LIVs are aligned by what they are, not by their numbers:
    what only moves up because a LIV came before it has not changed. Equal changes of
    neighbours are one line.
    """
    before, after = model_settings(a), model_settings(b)
    lines = [
        f"model: {name} {number(before.get(name))} -> {number(after.get(name))}"
        for name in before | after
        if before.get(name) != after.get(name)
    ]
    pairs = _align(tuple(a.layers()), tuple(b.layers()))
    names = dict(_names(pairs))  # labels of `a` as they are called in `b`
    if a.streams and b.streams and _sections(a, names) != _sections(b, {}):
        lines.append("model: blocks stand around other LIVs")
    changes = [
        change
        for pair in pairs
        for change in (*_pair(pair, names), *_residual(pair, a, b))
    ]
    return lines + list(_collapsed(changes))


def describe_costs(a: Model, b: Model) -> list[str]:
    """The totals that differ, each model at its own context and with a cache in
    bfloat16; as `starc show` counts them."""
    before, after = (costs(model, model.context, 2).total for model in (a, b))
    pairs = {
        "parameters": (before.params, after.params),
        "parameters that a token computes with": (before.active, after.active),
        "bytes of cache": (before.cache_bytes, after.cache_bytes),
        "FLOPs of a token, prefill": (before.prefill_flops, after.prefill_flops),
        "FLOPs of a token, decode": (before.decode_flops, after.decode_flops),
    }
    if not before.idle and not after.idle:
        del pairs["parameters that a token computes with"]
    return [f"{n}: {x:,.0f} -> {y:,.0f}" for n, (x, y) in pairs.items() if x != y]


def _sections(model: Model, names: Mapping[str, str]) -> list[tuple[str, int]]:
    """First label and length of each section."""
    return [
        (names.get(section.label, section.label), len(section.body))
        for section in sections(model.body)
    ]


# Which LIV of one is which LIV of the other -------------------------------------------


def _align(a: tuple[Layer, ...], b: tuple[Layer, ...]) -> list[Pair]:
    """Pairs of layers: first those that are equal, between these those of one kind."""
    pairs: list[Pair] = []
    for equal, old, new in _blocks(list(map(_exact, a)), list(map(_exact, b))):
        if equal:
            pairs.extend(zip(a[old], b[new], strict=True))
            continue
        left, right = a[old], b[new]
        for same, i, j in _blocks(list(map(_kind, left)), list(map(_kind, right))):
            before, after = left[i], right[j]
            if not same and len(before) == len(after):
                same = True  # replaced, one by one
            if same:
                pairs.extend(zip(before, after, strict=True))
            else:
                pairs.extend((layer, None) for layer in before)
                pairs.extend((None, layer) for layer in after)
    return pairs


def _blocks(
    a: Sequence[object], b: Sequence[object]
) -> Iterator[tuple[bool, slice, slice]]:
    """Slices of both in order, and whether they are equal."""
    start, end, shorter = 0, 0, min(len(a), len(b))
    while start < shorter and a[start] == b[start]:
        start += 1
    while end < shorter - start and a[-1 - end] == b[-1 - end]:
        end += 1
    yield True, slice(0, start), slice(0, start)
    # Only what lies between is matched: it costs the product of the two lengths.
    middle_a, middle_b = a[start : len(a) - end], b[start : len(b) - end]
    large = len(middle_a) * len(middle_b) > 4_000_000
    if middle_a or middle_b:
        matcher = SequenceMatcher(None, middle_a, middle_b, autojunk=large)
        for tag, i, j, k, m in matcher.get_opcodes():
            old, new = slice(start + i, start + j), slice(start + k, start + m)
            yield tag == "equal", old, new
    yield True, slice(len(a) - end, len(a)), slice(len(b) - end, len(b))


def _exact(layer: Layer) -> object:
    label = layer.stem if layer.labelled else ""
    match layer:
        case Liv():
            return (layer.operator, label)
        case Parallel():
            branches = ((_exact(b), b.residual) for b in layer.branches)
            return (layer.name, layer.signs, *branches)
        case Again():
            return ("", label)
        case _:
            assert_never(layer)


def _kind(layer: Layer) -> object:
    match layer:
        case Liv():
            return layer.operator.kind
        case Parallel():
            return (layer.signs, tuple(map(_kind, layer.branches)))
        case Again():
            return "same as"
        case _:
            assert_never(layer)


def _names(pairs: list[Pair]) -> Iterator[tuple[str, str]]:
    for before, after in pairs:
        if before is not None and after is not None:
            yield before.label, after.label
            for old, new in zip(before.livs, after.livs, strict=False):
                yield old.label, new.label


# What changed in a pair ---------------------------------------------------------------


def _pair(pair: Pair, names: dict[str, str]) -> Iterator[_Change]:
    before, after = pair
    if before is None or after is None:
        if after is not None:
            yield _Change(after.label, f"added ({_what(after)})")
        if before is not None:
            yield _Change(before.label, f"removed ({_what(before)})")
        return
    if _kind(before) != _kind(after):
        text = f"{_what(after)} in place of {_what(before)}"
        yield _Change(after.label, text)
        return
    yield from _renamed(before, after)
    match before:
        case Liv():
            assert isinstance(after, Liv)  # of one kind
            yield from _liv(before, after, names)
        case Parallel():
            assert isinstance(after, Parallel)
            if before.name != after.name:
                yield _Change(after.label, f"class {before.name} -> {after.name}")
            for branches in zip(before.branches, after.branches, strict=True):
                yield from _pair(branches, names)
                yield from _between(*branches)
        case Again():
            assert isinstance(after, Again)
            old = _called(before.of, names)
            if old != after.of:
                yield _Change(after.label, f"now the same as {after.of}, not {old}")
            was = _called(before.source, names) if before.source else ""
            if was != after.source:
                text = f"now reads {after.source or 'nothing'}, not {was or 'nothing'}"
                yield _Change(after.label, text)
        case _:
            assert_never(before)


def _liv(before: Liv, after: Liv, names: dict[str, str]) -> Iterator[_Change]:
    parts = list(_parameters(before.operator, after.operator))
    if before.name != after.name:
        parts.insert(0, f"class {name_of(before)} -> {name_of(after)}")
    if parts:
        yield _Change(after.label, "; ".join(parts))
    yield from _sharing(before, after, names)


def _residual(pair: Pair, a: Model, b: Model) -> Iterator[_Change]:
    """`placement pre -> post` of one layer; what its model says is told there."""
    match pair:
        case (Liv() | Parallel() as before, Liv() | Parallel() as after):
            old, new = map(residual_settings, (before.residual, after.residual))
            was, now = map(residual_settings, (a.residual, b.residual))
        case _:
            return
    for name in new:
        if old[name] == new[name]:
            if (old[name] == was[name]) != (new[name] == now[name]):
                yield _Change(after.label, f"{name} stays {number(new[name])}")
        elif (old[name], new[name]) != (was[name], now[name]):
            text = f"{name} {number(old[name])} -> {number(new[name])}"
            yield _Change(after.label, text)


def _between(before: Liv, after: Liv) -> Iterator[_Change]:
    """The same of what a branch has of its own."""
    old = residual_settings(before.residual)
    for name, new in residual_settings(after.residual).items():
        if old[name] != new:
            text = f"{name} {number(old[name])} -> {number(new)}"
            yield _Change(after.label, text)


def _what(layer: Layer) -> str:
    match layer:
        case Again():
            return f"the same as {layer.of}"
        case Parallel() if len({branch.name for branch in layer.branches}) > 1:
            return f"{layer.name} of {', '.join(name_of(x) for x in layer.branches)}"
        case Liv() | Parallel():
            return name_of(layer)
        case _:
            assert_never(layer)


def _renamed(before: Layer, after: Layer) -> Iterator[_Change]:
    old, new = (x.stem if x.labelled else "" for x in (before, after))
    if old != new:
        yield _Change(after.label, f"named {new or 'nothing'}, not {old or 'nothing'}")


def _parameters(a: Operator, b: Operator) -> Iterator[str]:
    """`kv_heads 8 -> 4`, of one kind of operator."""
    new = settings(b)
    for name, old in settings(a).items():
        yield from _difference(name, said_none(old), said_none(new[name]))


def _difference(name: str, old: object, new: object) -> Iterator[str]:
    if old == new:
        return
    if is_dataclass(old) and is_dataclass(new) and type(old) is type(new):
        for field in fields(old):
            values = getattr(old, field.name), getattr(new, field.name)
            yield from _difference(f"{name} {field.name}", *values)
    else:
        yield f"{name} {number(old)} -> {number(new)}"


def _sharing(before: Liv, after: Liv, names: dict[str, str]) -> Iterator[_Change]:
    """`now takes its weights from conv_0`: sharing that came, went or moved."""
    old = {what: _called(source, names) for what, source in sources(before)}
    new = dict(sources(after))
    for what, source in new.items():
        if old.get(what) != source:
            instead = f", not from {old[what]}" if what in old else ""
            text = f"now takes {_own(what)} from {source}{instead}"
            yield _Change(after.label, text)
    for what, source in old.items():
        if what not in new:
            yield _Change(after.label, f"no longer takes {_own(what)} from {source}")


def _called(source: str, names: dict[str, str]) -> str:
    """The label of a LIV of the old model as the new one has it.

    A LIV that is the same as a parallel one has its branches too, `b.a`, though none of
    its own stand in the model: they go by the name of the whole.
    """
    if source in names:
        return names[source]
    whole, dot, branch = source.rpartition(".")
    if whole in names:
        return names[whole] + dot + branch
    return f"{source}, which is gone"


def _own(what: str) -> str:
    return f"its {what}" if what.startswith("weights") else what


def _collapsed(changes: list[_Change]) -> Iterator[str]:
    """`attn_0 … attn_22 (12 LIVs): kv_heads 8 -> 4`: neighbours with one change."""
    for text, group in groupby(changes, key=lambda change: change.text):
        labels = [change.label for change in group]
        for label in labels if len(labels) < 3 else ():
            yield _sentence(label, text)
        if len(labels) >= 3:
            yield f"{labels[0]} … {labels[-1]} ({len(labels):,} LIVs): {text}"


def _sentence(label: str, text: str) -> str:
    return f"{label} {text}" if text.startswith(("now ", "no ")) else f"{label}: {text}"
