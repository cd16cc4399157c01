"""Rotary positions of an operator that has heads and the three options of them."""

from fractions import Fraction

from starc.alphabet.resolved_options import ResolvedOptions
from starc.ir.rope import Rope


def rotation(options: ResolvedOptions, head_dim: int) -> Rope | None:
    """The rotation that is stated, or else the model's."""
    theta, fraction = options.get("rope_theta"), options.get("rope_fraction")
    on = options.get("rope")
    if on is None:
        on = options.stream.rope is not None or (theta, fraction) != (None, None)
    if not on:
        return None
    model = options.stream.rope or (Fraction(10_000), Fraction(1))
    theta = model[0] if theta is None else options.exact("rope_theta")
    fraction = model[1] if fraction is None else options.exact("rope_fraction")
    dims = fraction * head_dim
    if dims.denominator != 1 or dims.numerator % 2 or not dims:
        name = "rope_fraction" if "rope_fraction" in options.stated else "head_dim"
        raise options.fail(
            "odd-rotation",
            "Rotary positions need pairs of channels",
            name if name in options.stated else "heads",
            f"{float(dims):g} channels of each head would turn",
            "RoPE turns channels of a head two by two.",
            "choose other heads, or say rope = false",
        )
    return Rope(float(theta), dims.numerator)
