"""`--emit ir`: the IR as text, at any stage."""

from collections.abc import Iterable, Iterator
from typing import assert_never

from starc.ir.descriptions import (
    around,
    described,
    inside,
    listed,
    model_settings,
    number,
)
from starc.ir.nodes import (
    Again,
    Layer,
    Liv,
    Loop,
    Model,
    Parallel,
    Repeat,
    Section,
    Step,
    Written,
    flat,
)
from starc.ir.residual import EMBEDDING
from starc.ir.sharing import borrowed
from starc.numerals import counted


def show(model: Model | Written) -> str:
    """The model, a line for each LIV and one for whatever is not its own.

    Before resolve it shows sharing as written, after it the projections; of a loop the
    first iteration, and how the labels of the others read.
    """
    return "\n".join(_model(model)) + "\n"


def _model(model: Model | Written) -> Iterator[str]:
    yield f"model {model.name}"
    for name, value in model_settings(model).items():
        yield f"  {name} {number(value)}"
    if model.shared:
        yield f"  shared weights of {listed(model.shared)}"
    yield ""
    yield from _steps(model.body, model, "")


def _steps(
    steps: Iterable[Step | Loop], model: Model | Written, indent: str
) -> Iterator[str]:
    for step in steps:
        match step:
            case Loop():
                yield f"{indent}{step.count} x {{"
                yield from _steps(step.body, model, indent + "  ")
                yield f"{indent}}}"
            case Repeat():
                yield f"{indent}repeat {len(step.iterations)} iterations {{"
                yield from _steps(step.iterations[0], model, indent + "  ")
                yield f"{indent}}} and the same as"
                for iteration in step.iterations[1:]:
                    yield f"{indent}  {listed([x.label for x in flat(iteration)])}"
            case Section() if len(step.body) == 1:
                yield from _layer(step.body[0], model, indent)
            case Section():
                yield f"{indent}block {{"
                yield from _steps(step.body, model, indent + "  ")
                yield f"{indent}}}"
            case Liv() | Again() | Parallel():
                yield from _layer(step, model, indent)
            case _:
                assert_never(step)


def _layer(layer: Layer, model: Model | Written, indent: str) -> Iterator[str]:
    label = f"{layer.label}: " if layer.label else ""
    match layer:
        case Again():
            yield f"{indent}{label}same as {layer.of}"
        case Parallel():
            branches = counted(len(layer.branches), "branch")
            yield f"{indent}{label}{layer.name} of {branches}"
            for sign, branch in zip(layer.signs, layer.branches, strict=True):
                lines = _liv(branch, indent + "    ")
                yield f"{indent}  {'+' if sign > 0 else '-'} {next(lines).lstrip()}"
                yield from lines
                if own := inside(branch):
                    yield f"{indent}      {own}"
            yield from _residual(layer, model, indent)
        case Liv():
            yield from _liv(layer, indent)
            yield from _residual(layer, model, indent)
        case _:
            assert_never(layer)


def _residual(
    layer: Liv | Parallel, model: Model | Written, indent: str
) -> Iterator[str]:
    if stands := around(layer, model):
        yield f"{indent}  {stands}"


def _liv(liv: Liv, indent: str) -> Iterator[str]:
    label = liv.label or (liv.stem if liv.labelled else "")
    start = f"{label}: " if label else ""
    yield f"{indent}{start}{liv.name} = {liv.operator.kind}({described(liv.operator)})"
    if liv.weights_from:
        yield f"{indent}  weights from {liv.weights_from}"
    for group, source in liv.features_from:
        yield f"{indent}  {group} from {source or EMBEDDING}"
    for projection in liv.projections:
        yield f"{indent}  computes {listed(projection)}{_made(liv, projection)}"
    for source, groups in borrowed(liv).items():
        yield f"{indent}  borrows {listed(groups)} of {source or EMBEDDING}"
    if liv.mixing not in ("", liv.label) and liv.operator.has_mixing_tensors:
        yield f"{indent}  mixes with the tensors of {liv.mixing}"


def _made(liv: Liv, projection: tuple[str, ...]) -> str:
    """Whose input and weights a projection has, if they are not the LIV's own."""
    source = liv.feature(projection[0]).input
    owners: dict[str, list[str]] = {}
    for group in projection:
        owners.setdefault(liv.feature(group).weights, []).append(group)
    text = f" from the input of {source}" if source != liv.label else ""
    for owner, groups in owners.items():
        if owner != liv.label:
            part = "" if len(owners) == 1 else f"{listed(groups)} "
            text += f", {part}with weights of {owner}"
    return text
