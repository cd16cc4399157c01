"""An architecture as a strip: LIVs from left to right, sharing as arcs.

Weights that are shared arch above the strip, features below it, a whole LIV that is
used again has a double line. A repeat is one iteration over a bracket, and so is a
block.
"""

from collections.abc import Sequence
from math import sqrt

from starc.draw import palette
from starc.draw.picture import AGAIN, FEATURES, WEIGHTS, Arc, Box, Column, picture
from starc.draw.svg import Value, document, element, text, title
from starc.ir.nodes import Model

BOX, GAP, TALL = 26, 7, 92  # pixels: width of a box, between boxes, height of a column
BRANCH = 78  # height of a branch of a parallel
MARGIN = 22
STEP = BOX + GAP
RADIUS = 4

ARC_WORDS = {
    WEIGHTS: "weights shared",
    FEATURES: "features shared",
    AGAIN: "the same LIV again",
}


def architecture(
    model: Model, heading: str = "", legend: bool = True, rolled: bool = True
) -> str:
    """The SVG of a resolved model. `heading`: a line above it; "": none."""
    drawn = picture(model, rolled)
    columns, arcs = drawn.columns, drawn.arcs
    above = max([_rise(arc) for arc in arcs if arc.kind != FEATURES], default=0)
    below = max([_rise(arc) for arc in arcs if arc.kind == FEATURES], default=0)
    tall = max([_height(column) for column in columns], default=TALL)
    top = (34 if heading else 8) + above
    middle = top + tall / 2
    bottom = top + tall + below
    content: list[str] = []
    if heading:
        content.append(text(MARGIN, 20, heading, font_size=13, fill=palette.INK))
    right = MARGIN + len(columns) * STEP - GAP
    content.append(_stream(right, middle))
    content.extend(_arc(arc, columns, middle) for arc in arcs)
    for place, column in enumerate(columns):
        content.append(_column(column, _left(place), middle))
    for brackets, word in ((drawn.blocks, "block"), (drawn.brackets, "")):
        for one in brackets:
            ends = _left(one.first), _left(one.last) + BOX
            content.append(_bracket(*ends, bottom + 7, word or f"× {one.times}"))
        bottom += 24 if brackets else 0
    bottom += 6 if drawn.brackets or drawn.blocks else 8
    width: float = right + MARGIN
    if legend:
        rows, wide = _legend(columns, arcs, bottom + 10, max(width, 420))
        content.extend(rows)
        bottom += 10 + 20 * _lines(rows)
        width = max(width, wide)
    width = max(width, MARGIN * 2 + 7 * len(heading))
    return document(width, bottom + 4, content, heading or model.name)


def _left(place: int) -> float:
    return MARGIN + place * STEP


def _centre(place: int) -> float:
    return _left(place) + BOX / 2


def _height(column: Column) -> float:
    if column.differential or len(column.boxes) == 1:
        return TALL
    return len(column.boxes) * (BRANCH + 4) - 4


def _rise(arc: Arc) -> float:
    """Far arcs stand higher, but less and less."""
    return 8 + 13 * sqrt(abs(arc.target - arc.source))


def _stream(right: float, y: float) -> str:
    """The residual stream, behind everything."""
    line: dict[str, Value] = {
        "stroke": palette.QUIET,
        "stroke_width": 1.2,
        "fill": "none",
    }
    end = right + 14
    head = f"M{end - 5:g} {y - 3.5:g}L{end:g} {y:g}L{end - 5:g} {y + 3.5:g}"
    return element("path", d=f"M{MARGIN - 14} {y:g}H{end:g}{head}", **line)


def _column(column: Column, x: float, middle: float) -> str:
    height = _height(column)
    y = middle - height / 2
    words = title(_explained(column))
    if column.differential:
        back, front = column.boxes[-1], column.boxes[0]
        shapes = [
            _rectangle(back, x + 4, y + 6, BOX - 2, height - 6, opacity=0.45),
            _rectangle(front, x, y, BOX - 2, height - 6),
            _upright(column.written, front.kind, x + BOX / 2 - 1, y + (height - 6) / 2),
        ]
        return element("g", words, *shapes)
    shapes = []
    for branch, box in enumerate(column.boxes):
        tall = height if len(column.boxes) == 1 else BRANCH
        at = y + branch * (BRANCH + 4)
        more: dict[str, Value] = {}
        if column.again:
            more = {"stroke": palette.INK, "stroke_dasharray": "3 2"}
        shapes.append(_rectangle(box, x, at, BOX, tall, **more))
        shapes.append(_upright(box.written, box.kind, x + BOX / 2, at + tall / 2))
    return element("g", words, *shapes)


def _rectangle(
    box: Box, x: float, y: float, width: float, height: float, **more: Value
) -> str:
    """Over a white one, so that the stream does not shine through."""
    place: dict[str, Value] = {"x": x, "y": y, "width": width, "height": height}
    back = element("rect", **place, rx=RADIUS, fill=palette.PAPER)
    fill = palette.colour(box.kind)
    return back + element("rect", **place, rx=RADIUS, fill=fill, **more)


def _upright(words: str, kind: str, x: float, y: float) -> str:
    """Text that is read from below; longer names are smaller."""
    size = min(11.5, 128 / max(len(words), 1))
    return text(
        x,
        y,
        words if len(words) <= 26 else words[:25] + "…",
        transform=f"rotate(-90 {x:g} {y:g})",
        text_anchor="middle",
        dominant_baseline="central",
        font_size=float(max(size, 4.5)),
        fill=palette.on(kind),
    )


def _explained(column: Column) -> str:
    lines = [f"{column.label}: {column.written}"]
    if column.again:
        lines[0] += f", the same as {column.again}"
    for box in column.boxes:
        name = "" if len(column.boxes) == 1 else f"{'-+'[box.sign > 0]} {box.written}: "
        lines.append(f"{name}{box.settings}")
    if column.residual:
        lines.append(column.residual)
    return "\n".join(lines)


def _arc(arc: Arc, columns: Sequence[Column], middle: float) -> str:
    down = arc.kind == FEATURES
    sign = 1 if down else -1
    x1, x2 = _centre(arc.source), _centre(arc.target)
    y1 = middle + sign * _height(columns[arc.source]) / 2
    y2 = middle + sign * _height(columns[arc.target]) / 2
    peak = (max if down else min)(y1, y2) + sign * _rise(arc) * 4 / 3
    path = f"M{x1:g} {y1:g}C{x1:g} {peak:g} {x2:g} {peak:g} {x2:g} {y2:g}"
    head = f"M{x2 - 3:g} {y2 + sign * 5:g}L{x2:g} {y2:g}L{x2 + 3:g} {y2 + sign * 5:g}"
    what = "the whole LIV" if arc.kind == AGAIN else arc.taken
    names = f"{columns[arc.source].label} to {columns[arc.target].label}"
    return element("g", title(f"{what}: {names}"), *_line(arc.kind, path, head))


def _line(kind: str, path: str, head: str = "") -> list[str]:
    """Each kind of sharing has its own line, so that colour is never needed."""
    plain: dict[str, Value] = {"fill": "none", "stroke_linecap": "round"}
    if kind == AGAIN:
        ink = {**plain, "stroke": palette.INK}
        return [
            element("path", d=path, **ink, stroke_width=4),
            element("path", d=head or "M0 0", **ink, stroke_width=1.3),
            element("path", d=path, **{**ink, "stroke": palette.PAPER}, stroke_width=2),
        ]
    if kind == WEIGHTS:
        return [
            element(
                "path", d=path + head, **plain, stroke=palette.INK, stroke_width=1.3
            )
        ]
    blue: dict[str, Value] = {"stroke": palette.ACCENT, "stroke_width": 1.6}
    return [
        element("path", d=path, **plain, **blue, stroke_dasharray="4 3"),
        element("path", d=head or "M0 0", **plain, **blue),
    ]


def _bracket(left: float, right: float, y: float, word: str) -> str:
    line = element(
        "path",
        d=f"M{left:g} {y - 5:g}V{y:g}H{right:g}V{y - 5:g}",
        fill="none",
        stroke=palette.QUIET,
    )
    middle = (left + right) / 2
    count = text(
        middle,
        y + 15,
        word,
        text_anchor="middle",
        font_size=12,
        fill=palette.INK,
    )
    return element("g", line, count)


def _legend(
    columns: Sequence[Column], arcs: Sequence[Arc], y: float, width: float
) -> tuple[list[str], float]:
    """The entries, wrapped to `width`, and how wide they are."""
    kinds = dict.fromkeys(box.kind for column in columns for box in column.boxes)
    found: list[tuple[str, str]] = []
    for kind in palette.KINDS:
        if kind in kinds:
            box = element(
                "rect", x=0, y=-9, width=11, height=11, rx=2, fill=palette.colour(kind)
            )
            found.append((box, palette.WORDS[kind]))
    for kind, words in ARC_WORDS.items():
        if any(arc.kind == kind for arc in arcs):
            found.append(("".join(_line(kind, "M0 -3.5H18")), words))
    if any(column.differential for column in columns):
        found.append((_pair(), "difference of two"))
    x, widest = float(MARGIN), 0.0
    entries = []
    for mark, words in found:
        wide = 26 + 6.4 * len(words)
        if x + wide > width and x > MARGIN:
            x, y = MARGIN, y + 20
        shift = 23 if "path" in mark else 16
        label = text(shift, 0, words, font_size=11.5, fill=palette.INK)
        place = f"translate({x:g} {y + 8:g})"
        entries.append(element("g", mark, label, transform=place))
        x += wide + 12
        widest = max(widest, x)
    return entries, widest


def _pair() -> str:
    size: dict[str, Value] = {"width": 8, "height": 9, "rx": 2, "fill": palette.QUIET}
    return element("rect", x=4, y=-7, **size, opacity=0.45) + element(
        "rect", x=0, y=-10, **size
    )


def _lines(entries: Sequence[str]) -> int:
    """How many lines a legend has: as many as entries that start at the margin."""
    return sum(f"translate({MARGIN} " in entry for entry in entries)
