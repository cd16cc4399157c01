"""|T(x)| of one LIV on a given input, from the reference. Needs torch."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from starc import compiler, passes
from starc.diagnostics import did_you_mean
from starc.files import require_plain
from starc.ir.descriptions import name_of
from starc.ir.nodes import Layer, Liv, Model
from starc.reference import mixing_matrix, random_weights, tensors
from starc.source import Source

LONGEST = 64
"""Bytes: the reference builds every T(x) of the model as a dense matrix, in float64."""

MOST = 8
"""Heads or channels that are shown one by one."""

INPUT = "The quick brown fox jumps over"


class DrawError(Exception):
    """What was asked for cannot be drawn; the message says why."""


@dataclass(frozen=True)
class Mixing:
    """Named L x L matrices, the mean of all first, and the tokens' names."""

    maps: list[tuple[str, list[list[float]]]]
    tokens: list[str]
    heading: str


def mixing(
    source: Source, label: str, given: str = INPUT, weights: str = "", seed: int = 0
) -> Mixing:
    """|T(x)| of the LIV `label`, a branch or a LIV used again, on the bytes of `given`.

    weights: a safetensors file of the compiled model; "": random ones from `seed`,
    which show the structure and nothing learned. Raises DrawError, StarError, OSError.
    """
    model = passes.run(compiler.to_ir(source))
    data = given.encode("utf-8", "surrogateescape")  # the bytes that were typed
    if not 1 <= len(data) <= LONGEST:
        raise DrawError(f"the input has {len(data)} bytes; it may have 1 to {LONGEST}")
    if max(data) >= model.vocab:
        largest = f"{max(data)} of the input is outside the vocabulary"
        raise DrawError(f"byte {largest} of {model.vocab}")
    liv = _liv(model, label)
    model = _up_to(model, label)
    if weights:
        values = _loaded(source, model, weights)
    else:
        generator = torch.Generator().manual_seed(seed)
        values = random_weights(model, generator)
    with torch.no_grad():
        found = mixing_matrix(model, values, torch.tensor([list(data)]), label)[0]
    what = "head" if liv.operator.by_heads else "channel"
    maps = [(f"mean of {len(found)} {what}s", found.mean(0).tolist())]
    if len(found) > 1:
        shown = min(len(found), MOST - 1)
        chosen = [round(i * (len(found) - 1) / max(shown - 1, 1)) for i in range(shown)]
        maps += [(f"{what} {i}", found[i].tolist()) for i in dict.fromkeys(chosen)]
    trained = Path(weights).name if weights else f"random weights, seed {seed}"
    heading = f"|T(x)| of {label} ({name_of(liv)}), {model.name}, {trained}"
    return Mixing(maps, [_printed(byte) for byte in data], heading)


def _liv(model: Model, label: str) -> Liv:
    """The LIV of this label, or the one that it uses again."""
    livs = {liv.label: liv for liv in model.livs()}
    whole = model.whole()
    if label in livs:
        return livs[label]
    if label in whole:
        found = whole[label].livs
        if len(found) == 1:
            return found[0]
        labels = [liv.label for liv in found]
        raise DrawError(f"{label} has several LIVs: draw {' or '.join(labels)}")
    known = list(dict.fromkeys([*livs, *whole]))
    hint = did_you_mean(label, known) or f"it has {', '.join(known)}"
    raise DrawError(f"no LIV has the label {label}: {hint}")


def _up_to(model: Model, label: str) -> Model:
    """Without the layers after the one that is drawn: nothing of them is needed."""
    kept: list[Layer] = []
    for layer in model.layers():
        kept.append(layer)
        if label in (layer.label, *(liv.label for liv in layer.livs)):
            break
    return replace(model, body=tuple(kept))


def _loaded(source: Source, model: Model, path: str) -> dict[tuple[str, str], Tensor]:
    """The reference's tensors out of those of the emitted model."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    require_plain(Path(path))
    try:
        state = load_file(path)
    except (SafetensorError, RuntimeError) as error:  # the latter of huge ones
        raise DrawError(f"{path}: {error}") from None
    shapes = tensors(model)
    found: dict[tuple[str, str], Tensor] = {}
    for key, pieces in compiler.to_plan(source).weights.items():
        if key not in state:
            raise DrawError(f"{path} has no tensor {key}: it is of another model")
        start = 0
        for piece in pieces:
            if piece not in shapes:  # of a later layer
                break
            rows = shapes[piece][0]
            part = state[key][start : start + rows]
            if part.numel() != torch.Size(shapes[piece]).numel():
                raise DrawError(f"{path}: {key} has the shape of another model")
            found[piece] = part.reshape(shapes[piece])
            start += rows
    return found


def _printed(byte: int) -> str:
    """A blank is a low line, a byte that is no letter of ASCII a dot."""
    return "␣" if byte == 32 else chr(byte) if 33 <= byte < 127 else "·"
