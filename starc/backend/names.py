"""Names inside loops: `mlp_1`, `mlp_4`, `mlp_7` are one expression of the turn."""

import re

from starc.backend.wiring import key, labels_of
from starc.ir.nodes import Layer

Names = dict[str, str]
"""Label of the first turn -> the label in every turn, as the inside of an f-string."""


def turn_names(turns: tuple[tuple[Layer, ...], ...]) -> Names | None:
    """How labels depend on the turn `i`; None where they follow no rule."""
    columns = [[labels_of(layer) for layer in turn] for turn in turns]
    found: Names = {}
    for position in range(len(turns[0])):
        for index, first in enumerate(columns[0][position]):
            series = [columns[turn][position][index] for turn in range(len(turns))]
            expression = _expression(series)
            if expression is None:
                return None
            found[first] = expression
    return found


def _expression(series: list[str]) -> str | None:
    """`c1_{i}` of c1_0, c1_1, ...; `mlp_{3 * i + 1}` of mlp_1, mlp_4, ..."""
    numbers = [re.findall(r"_(\d+)(?=\.|$)", label) for label in series]
    if len(set(series)) == 1 or not numbers[0] or not numbers[1]:
        return None
    start, step = int(numbers[0][0]), int(numbers[1][0]) - int(numbers[0][0])
    head, _, tail = series[0].partition(f"_{start}")
    wanted = [f"{head}_{start + step * i}{tail}" for i in range(len(series))]
    if wanted != series or step < 1:
        return None
    count = "i" if step == 1 else f"{step} * i"
    count += f" + {start}" if start else ""
    return f"{head}_{{{count}}}{tail}"


def quoted(label: str, names: Names, dots: bool = False) -> str:
    """A label as a string literal, or as an f-string inside a loop."""
    text = names.get(label, label)
    text = text if dots else key(text)
    return f'f"{text}"' if label in names else f'"{text}"'
