"""Rotary positions: what a model, or a LIV with heads for itself, may say of them."""

import math
from dataclasses import replace
from fractions import Fraction

from starc.alphabet.option import Option, Quantity
from starc.alphabet.resolved_options import ResolvedOptions, Unfit
from starc.ir.rope import Rope, Scaling
from starc.numerals import counted, numeral

MOST_TOKENS = 2**24

ROTATION = (
    Option("theta", "number", "base of the wavelengths", 10_000, high=1e12),
    Option("fraction", "number", "part of each head that turns", 1, low=1e-3),
    Option(
        "spread",
        "word",
        "over which channels the wavelengths are spread: those that turn, or the head",
        "turned",
        choices=("turned", "head"),
    ),
    Option(
        "pairs",
        "word",
        "the channels that turn together: the halves of the head, or neighbours",
        "halves",
        choices=("halves", "adjacent"),
    ),
    Option(
        "scaling",
        "word",
        "how wavelengths grow for longer sequences than those of training",
        "none",
        choices=("none", "linear", "llama3", "yarn"),
    ),
    Option("factor", "number", "by how much they grow", low=1e-3, high=1e6),
    Option(
        "context", "whole", "the sequences of training, for scaling", high=MOST_TOKENS
    ),
    Option(
        "slow",
        "number",
        "pairs with fewer turns in the context grow in full",
        1,
        low=1e-3,
        high=1e6,
    ),
    Option(
        "fast",
        "number",
        "pairs with more turns in the context do not grow; yarn: 32",
        4,
        low=1e-3,
        high=1e6,
    ),
    Option(
        "whole",
        "flag",
        "the ramp of yarn begins and ends at whole numbers of pairs",
        True,
    ),
    Option(
        "amplitude",
        "number",
        "factor of q and k; yarn: 0.1 ln(factor) + 1",
        1,
        low=1e-3,
        high=1e3,
    ),
)
"""What stands in `positions = rope(...)` of the model."""

OPTIONS = tuple(
    replace(
        option,
        name=f"rope_{option.name}",
        meaning=f"of the rotation: {option.meaning}",
        default=None,
        derived="as `positions` of the model says",
        field="rope",
    )
    for option in ROTATION
)
"""The same of one LIV."""

CONFLICTS = tuple(("rope", False, option.name) for option in OPTIONS)


class _Said:
    """The words of a LIV laid over those of its model."""

    def __init__(self, options: ResolvedOptions) -> None:
        self.options = options
        self.model = options.stream.rope or {}

    def own(self, name: str) -> bool:
        return self.options.get(f"rope_{name}") is not None

    def said(self, name: str) -> Quantity | None:
        value = self.options.get(f"rope_{name}")
        return self.model.get(name) if value is None else value

    def value(self, name: str) -> Quantity:
        said = self.said(name)
        found = _DEFAULTS[name] if said is None else said
        assert found is not None, name
        return found

    def number(self, name: str) -> float:
        value = self.value(name)
        assert isinstance(value, int | Fraction)
        return float(value)

    def fail(self, name: str, code: str, title: str, label: str, *more: str) -> Unfit:
        return self.options.fail(code, title, f"rope_{name}", label, *more)


_DEFAULTS = {option.name: option.default for option in ROTATION}


def rotation(
    options: ResolvedOptions, head_dim: int, of: str = "head_dim"
) -> Rope | None:
    """The rotation that is stated, or else the model's; `of`: the option that says how
    many channels there are to turn."""
    said = _Said(options)
    on = options.get("rope")
    if on is None:
        on = options.stream.rope is not None
        stated = [f"rope_{name}" for name in _DEFAULTS if said.own(name)]
        if not on and stated:
            positions = f"positions = {options.stream.positions}"
            raise nothing_turns(options, stated[0], positions)
    if not on:
        return None
    fraction = said.value("fraction")
    assert isinstance(fraction, int | Fraction)
    dims = Fraction(fraction) * head_dim
    spread = head_dim if said.value("spread") == "head" else 0
    if dims.denominator != 1 or dims.numerator % 2 or not dims or spread % 2:
        raise _odd(options, head_dim, dims, of)
    amplitude = _amplitude(said)
    if amplitude != 1 and dims < head_dim and not spread:
        raise said.fail(
            *("amplitude", "odd-rotation", "An amplitude of a part of each head"),
            f"{dims} of {head_dim} channels turn",
            "The amplitude is that of whole heads.",
            "say rope_amplitude = 1, or leave out the fraction",
        )
    return Rope(
        said.number("theta"),
        dims.numerator,
        0 if spread == dims else spread,
        said.value("pairs") == "adjacent",
        amplitude,
        _scaling(said),
    )


def nothing_turns(options: ResolvedOptions, name: str, positions: str) -> Unfit:
    """The error for a number of the rotation where `positions` are others."""
    return options.fail(
        "conflicting-settings",
        f"`{name}` contradicts `{positions}`",
        name,
        "says how to turn where nothing turns",
        "Heads do not turn here, unless the LIV says `rope = true`.",
        f"write rope = true beside it, or delete {name}",
    )


def _odd(options: ResolvedOptions, head_dim: int, dims: Fraction, of: str) -> Unfit:
    """The error for channels that make no pairs, at the number that can mend it."""
    said = [n for n in ("rope_fraction", of, "heads") if n in options.stated]
    name = said[0] if said else "heads"
    other = {
        "rope_fraction": "another rope_fraction",
        of: f"another {of}",
        "heads": f"other heads, or say {of}",
    }
    return options.fail(
        "odd-rotation",
        "Rotary positions need pairs of channels",
        name,
        f"a head of {counted(head_dim, 'channel')}: {numeral(dims)} would turn",
        "RoPE turns channels of a head two by two, so an even number of them.",
        f"choose {other[name]}, or say rope = false",
    )


def _amplitude(said: _Said) -> float:
    if said.said("amplitude") is None and said.value("scaling") == "yarn":
        factor = said.said("factor")
        assert factor is None or isinstance(factor, int | Fraction)
        return 0.1 * math.log(factor) + 1 if factor and factor > 1 else 1.0
    return said.number("amplitude")


_NEEDED = {"linear": ("factor",)} | dict.fromkeys(
    ("llama3", "yarn"), ("factor", "context")
)
_TAKEN = {
    "linear": ("factor",),
    "llama3": ("factor", "context", "slow", "fast"),
    "yarn": ("factor", "context", "slow", "fast", "whole"),
}


def _scaling(said: _Said) -> Scaling | None:
    kind = str(said.value("scaling"))
    for name in ("factor", "context", "slow", "fast", "whole"):
        if said.own(name) and name not in _TAKEN.get(kind, ()):
            raise said.fail(
                *(name, "conflicting-settings", f"`rope_{name}` says nothing here"),
                f"the scaling is {kind}",
                f"`{name}` is about a scaling that uses it.",
                "say rope_scaling = yarn, or another, too",
            )
    if kind == "none":
        return None
    beyond = "" if kind == "linear" else " beyond `context` tokens"
    for name in _NEEDED[kind]:
        if said.said(name) is None:
            raise said.fail(
                *("scaling", "missing-parameter", f"A {kind} scaling without {name}"),
                f"its {name} is missing",
                f"Wavelengths grow by `factor`{beyond}.",
                f"say rope_{name} too, or {name} in positions = rope(...)",
            )
    factor = said.number("factor")
    if kind == "linear":
        return Scaling(kind, factor)
    context = said.value("context")
    assert isinstance(context, int)
    usual = 32.0 if kind == "yarn" else 4.0
    fast = usual if said.said("fast") is None else said.number("fast")
    slow = said.number("slow")
    if slow >= fast:
        raise said.fail(
            *("slow", "out-of-range", "A ramp that goes nowhere"),
            f"slow is {numeral(slow)}, fast {numeral(fast)}",
            "Pairs with fewer turns than `slow` grow, with more than `fast` do not.",
        )
    whole = kind == "yarn" and bool(said.value("whole"))
    return Scaling(kind, factor, context, slow, fast, whole)
