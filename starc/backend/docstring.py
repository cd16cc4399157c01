"""The docstring of the emitted file: operators, sharing in words, letters, origin."""

import textwrap
from collections import Counter
from functools import partial

from starc.backend.classes import Classes
from starc.backend.residuals import formula
from starc.ir.nodes import Again, Layer, Liv, Model, Parallel, Repeat

wrap = partial(textwrap.wrap, break_on_hyphens=False)

_LETTERS = {
    "B": "sequences",
    "T": "tokens",
    "D": "channels",
}


def docstring(
    model: Model, classes: Classes, digest: str, passes: tuple[str, ...]
) -> list[str]:
    """Lines of the docstring, without quotes, at most 88 columns wide."""
    depth = sum(1 for _ in model.layers())
    lines = [
        *wrap(
            f"{model.name}: {depth} LIVs on a residual stream of width {model.width}.",
            85,  # behind the quotes
        ),
        "",
        *wrap(
            "A LIV, a linear input-varying operator, maps the tokens linearly, by a "
            "matrix T(x) that is itself made of them. Each stands in its residual, "
            f"{_residuals(model)}. The operators:",
            88,
        ),
        "",
        *_operators(model, classes),
        "",
        *_sharing(model),
    ]
    letters = dict(_LETTERS)
    for liv in model.livs():
        for letter, meaning in classes.emission(liv.operator).letters.items():
            known = letters.get(letter)
            if known is None:
                letters[letter] = meaning
            elif meaning not in known.split(" or "):
                letters[letter] = f"{known} or {meaning}"
    legend = ", ".join(f"{letter} {meaning}" for letter, meaning in letters.items())
    lines += ["", *wrap(f"Shapes: {legend}.", 88)]
    lines += [
        "",
        *wrap(f"Source: sha256 {digest[:16]}; passes: {', '.join(passes)}.", 88),
    ]
    return lines


def _residuals(model: Model) -> str:
    """`x + liv(norm(x))`, and which layers stand otherwise."""
    layers = [x for x in model.layers() if not isinstance(x, Again)]
    counts = Counter(layer.residual for layer in layers)
    (usual, _), *others = counts.most_common()
    found = [formula(usual)]
    for residual, _ in others:
        labels = [layer.label for layer in layers if layer.residual == residual]
        shown = ", ".join(labels[:8]) + (" and others" if len(labels) > 8 else "")
        found.append(f"{formula(residual)} of {shown}")
    return "; ".join(found)


def _operators(model: Model, classes: Classes) -> list[str]:
    counts: dict[tuple[str, str], int] = {}
    for layer in model.layers():
        if isinstance(layer, Again):
            continue
        for liv in layer.sides if isinstance(layer, Parallel) else (layer,):
            emitted = classes.emission(liv.operator)
            name = emitted.class_name
            if isinstance(layer, Parallel) and -1 in layer.signs:
                name = f"Differential{name}"
                if liv is not layer.sides[0]:
                    continue
            key = (name, emitted.summary)
            counts[key] = counts.get(key, 0) + 1
    lines = []
    for index, ((name, summary), count) in enumerate(counts.items(), 1):
        times = f" ({count} times)" if count > 1 else ""
        text = f"{name}{times}: {summary}."
        first = f"{index:2}. "
        lines += wrap(text, 88, initial_indent=first, subsequent_indent="    ")
    return lines


def _sharing(model: Model) -> list[str]:
    sentences: list[str] = []
    for step in model.body:
        stems = _stems(step.turns[0]) if isinstance(step, Repeat) else {}
        if isinstance(step, Repeat) and stems:
            told = _told(step.turns[0], stems)
            each = f"In each of {len(step.turns)} turns "
            sentences += [each + sentence for sentence in told]
        elif isinstance(step, Repeat):
            sentences += [s for turn in step.turns for s in _told(turn, {})]
        else:
            assert isinstance(step, Layer)
            sentences += _told((step,), {})
    if not sentences:
        return ["Nothing is shared between LIVs."]
    return [
        "Sharing:",
        *(f"  {line}" for text in _merge(sentences) for line in wrap(text, 84)),
    ]


def _stems(turn: tuple[Layer, ...]) -> dict[str, str]:
    """Label -> what every turn calls the LIV; none where that would be ambiguous."""
    stems: dict[str, str] = {}
    for layer in turn:
        stems[layer.label] = layer.stem
        if isinstance(layer, Parallel):
            for side in layer.sides:
                stems.setdefault(side.label, f"{layer.stem}.{side.stem}")
    names = list(stems.values())
    sentences = " ".join(_told(turn, stems)).replace(",", "").split()
    clear = all(names.count(word.rstrip(".")) <= 1 for word in sentences)
    return stems if clear else {}


def _named(label: str, stems: dict[str, str]) -> str:
    return stems.get(label, label)


def _told(layers: tuple[Layer, ...], stems: dict[str, str]) -> list[str]:
    """Sentences about what these layers share, with the names of `stems`."""
    found: list[str] = []
    for layer in layers:
        if isinstance(layer, Again):
            used = _named(layer.of, stems)
            found.append(f"{_named(layer.label, stems)} is {used} again.")
            continue
        for liv in layer.sides if isinstance(layer, Parallel) else (layer,):
            found += _liv_sharing(liv, stems)
    return found


def _merge(sentences: list[str]) -> list[str]:
    """At most 24 lines of sharing; the rest is counted."""
    if len(sentences) <= 24:
        return sentences
    return [*sentences[:23], f"and {len(sentences) - 23} more like these."]


def _liv_sharing(liv: Liv, stems: dict[str, str]) -> list[str]:
    found = []
    name = _named(liv.label, stems)
    borrowed: dict[str, list[str]] = {}
    for feature in liv.features:
        if feature.input != liv.label:
            borrowed.setdefault(feature.input, []).append(feature.group)
    for lender, groups in borrowed.items():
        found.append(f"{name} takes {', '.join(groups)} from {_named(lender, stems)}.")
    own = [f.weights for f in liv.features if f.input == liv.label]
    for owner in dict.fromkeys([*own, liv.mixing]):
        if owner != liv.label and owner not in borrowed:
            found.append(
                f"{name} uses the featurizer weights of {_named(owner, stems)}."
            )
    return found
