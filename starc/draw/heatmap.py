"""Matrices as heat maps: an SVG with labels around embedded images, or a PNG."""

from base64 import b64encode
from collections.abc import Sequence

from starc.draw import palette
from starc.draw.png import Colour, png
from starc.draw.svg import Value, document, element, text, title

Matrix = Sequence[Sequence[float]]

SHADES: tuple[Colour, ...] = (
    (255, 255, 255),
    (190, 214, 238),
    (85, 142, 200),
    (29, 95, 168),
    (20, 32, 72),
)
"""From nothing to the largest entry, evenly in lightness."""

SMALLEST, LARGEST = 6, 16  # pixels of an entry
MARGIN, GAP, ACROSS = 54, 26, 4  # around the maps, between them; maps in a row
NO_NUMBER: Colour = (198, 95, 70)


def as_svg(
    maps: Sequence[tuple[str, Matrix]], tokens: Sequence[str], heading: str
) -> str:
    """`maps`: a name and an L x L matrix each; `tokens`: L names of rows and columns.

    Rows are the tokens that read, columns those that are read.
    """
    length = len(tokens)
    entry = max(SMALLEST, min(LARGEST, 240 // length))
    size = entry * length
    across = min(ACROSS, len(maps))
    content = [text(16, 22, heading, font_size=13, fill=palette.INK)]
    bottom = 0
    for number, (name, matrix) in enumerate(maps):
        x = MARGIN + (number % across) * (size + MARGIN)
        y = 62 + (number // across) * (size + GAP + 40)
        content.append(_map(x, y, entry, name, matrix, tokens))
        bottom = y + size
    content.append(_scale(MARGIN, bottom + 42))
    width = max(MARGIN + across * (size + MARGIN), 30 + 7 * len(heading), 420)
    return document(width, bottom + 86, content, heading)


def as_png(maps: Sequence[tuple[str, Matrix]], entry: int = 8) -> bytes:
    """The maps alone, without words, as in the SVG."""
    across = min(ACROSS, len(maps))
    space: Colour = (255, 255, 255)
    rows: list[list[Colour]] = []
    for start in range(0, len(maps), across):
        beside = [_pixels(matrix, entry) for _, matrix in maps[start : start + across]]
        branch = len(beside[0])
        empty = [[space] * branch for _ in range(branch)]
        beside += [empty] * (across - len(beside))
        between = [space] * 8
        for lines in zip(*beside, strict=True):
            rows.append([p for line in lines for p in (*between, *line)] + between)
        rows += [[space] * len(rows[0]) for _ in range(8)]
    return png([[space] * len(rows[0])] * 8 + rows)


def _map(
    x: int, y: int, entry: int, name: str, matrix: Matrix, tokens: Sequence[str]
) -> str:
    size = entry * len(tokens)
    data = b64encode(png(_pixels(matrix, 1))).decode()
    largest = max(max(row) for row in matrix)
    found = [
        title(f"{name}: the largest entry is {largest:.4g}"),
        element(
            "image",
            x=x,
            y=y,
            width=size,
            height=size,
            href=f"data:image/png;base64,{data}",
            style="image-rendering:pixelated",
        ),
        element(
            "rect", x=x, y=y, width=size, height=size, fill="none", stroke=palette.RULE
        ),
        text(x, y - 22, name, font_size=12, fill=palette.INK),
        text(
            x + size,
            y - 22,
            f"max {largest:.3g}",
            font_size=10.5,
            fill=palette.QUIET,
            text_anchor="end",
        ),
    ]
    small = min(10.0, entry * 1.05)
    for place, token in enumerate(tokens):
        at = (place + 0.5) * entry
        style: dict[str, Value] = {
            "font_size": small,
            "fill": palette.QUIET,
            "font_family": "monospace",
        }
        found.append(text(x + at, y - 5, token, text_anchor="middle", **style))
        found.append(text(x - 5, y + at + small / 3, token, text_anchor="end", **style))
    return element("g", *found)


def _scale(x: int, y: int) -> str:
    stripe = [[_colour(((i + 0.5) / 120) ** 2) for i in range(120)]]
    data = b64encode(png(stripe)).decode()
    image = element(
        "image",
        x=x,
        y=y,
        width=180,
        height=10,
        preserveAspectRatio="none",
        href=f"data:image/png;base64,{data}",
    )
    edge = element(
        "rect", x=x, y=y, width=180, height=10, fill="none", stroke=palette.RULE
    )
    ticks = [
        text(
            x + 180 * share**0.5,
            y + 24,
            words,
            font_size=10.5,
            text_anchor="middle",
            fill=palette.QUIET,
        )
        for share, words in ((0.0, "0"), (0.25, "max / 4"), (1.0, "max"))
    ]
    rule = "a row: the token that reads; a column: the token that is read"
    words = text(x + 226, y + 9, rule, font_size=10.5, fill=palette.QUIET)
    return element("g", image, edge, *ticks, words)


def _pixels(matrix: Matrix, entry: int) -> list[list[Colour]]:
    """Each matrix has its own scale: kinds of mixing differ by orders of magnitude."""
    finite = [v for row in matrix for v in row if v - v == 0]
    largest = max(finite, default=0.0) or 1.0
    rows: list[list[Colour]] = []
    for values in matrix:
        row = [
            pixel for value in values for pixel in [_colour(value / largest)] * entry
        ]
        rows += [row] * entry
    return rows


def _colour(share: float) -> Colour:
    """By the square root, so that a hundredth of the largest entry can be seen."""
    if share - share != 0:
        return NO_NUMBER
    at = min(max(share, 0.0), 1.0) ** 0.5 * (len(SHADES) - 1)
    low = min(int(at), len(SHADES) - 2)
    part = at - low
    a, b = SHADES[low], SHADES[low + 1]
    r, g, blue = (round(p + (q - p) * part) for p, q in zip(a, b, strict=True))
    return r, g, blue
