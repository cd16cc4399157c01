"""Colours, the same in every picture and on the report's page.

A hue a kind of mixing: warm for attention and its linear relatives, blue-green for
convolutions, violet for recurrences, and a quiet grey for the memoryless LIV, which
stands between all others.
"""

INK = "#1f2430"
QUIET = "#747b88"
RULE = "#d9dce1"
PAPER = "#ffffff"
ACCENT = "#1d5fa8"

KINDS: dict[str, str] = {
    "attention": "#c65f46",
    "linear_attention": "#d89a45",
    "gated_linear_attention": "#e3c07c",
    "gated_conv": "#2f7f86",
    "long_conv": "#68a8a0",
    "selective_scan": "#6a5aa3",
    "ssd": "#9486c6",
    "rg_lru": "#b184b3",
    "min_gru": "#8f4f86",
    "glu": "#c9ccd2",
}

WORDS: dict[str, str] = {
    "attention": "attention",
    "linear_attention": "linear attention",
    "gated_linear_attention": "gated linear attention",
    "gated_conv": "gated convolution",
    "long_conv": "long convolution",
    "selective_scan": "selective scan",
    "ssd": "state-space duality",
    "rg_lru": "gated recurrence",
    "min_gru": "minimal GRU",
    "glu": "memoryless (GLU)",
}


def colour(kind: str) -> str:
    """Of an operator's kind."""
    return KINDS.get(kind, QUIET)


def on(kind: str) -> str:
    """Of text on that colour: at least 4.5 to 1 in contrast."""
    return INK if kind in LIGHT else PAPER


LIGHT = (
    *("glu", "linear_attention", "gated_linear_attention", "long_conv", "ssd"),
    "rg_lru",
)
