"""Colours, the same in every picture and on the report's page.

A hue a kind of mixing: warm for attention and its linear relatives, blue-green for
convolutions, violet for recurrences, and a quiet grey for the memoryless LIV, which
stands between all others.
"""

from starc.alphabet import templates

INK = "#1f2430"
QUIET = "#747b88"
RULE = "#d9dce1"
PAPER = "#ffffff"
ACCENT = "#1d5fa8"

KINDS: dict[str, str] = {t.kind: t.colour for t in templates()}
WORDS: dict[str, str] = {t.kind: t.legend for t in templates()}


def colour(kind: str) -> str:
    """Of an operator's kind."""
    return KINDS.get(kind, QUIET)


def on(kind: str) -> str:
    """Of text on that colour: dark or light, whichever has more contrast."""
    return INK if kind in LIGHT else PAPER


def contrast(one: str, other: str) -> float:
    """Of two colours `#rrggbb`, from 1 to 21, as WCAG 2 defines it."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


LIGHT = tuple(k for k, c in KINDS.items() if contrast(c, PAPER) < contrast(c, INK))
"""Kinds whose colour asks for dark text."""
