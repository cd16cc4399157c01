"""How width, heads, kv_heads and head_dim follow from one another."""

from typing import NamedTuple

from starc.alphabet.resolved_options import ResolvedOptions
from starc.numerals import counted


class Heads(NamedTuple):
    heads: int
    kv_heads: int
    head_dim: int


def split(options: ResolvedOptions) -> Heads:
    """What is stated, and the rest derived. Raises Unfit where they do not divide."""
    heads, kv_heads = options.maybe("heads"), options.maybe("kv_heads")
    head_dim, name = options.maybe("head_dim"), options.name
    if heads is None or head_dim is None:
        channels = options.channels()
        if heads is None and head_dim is not None:
            heads = _quotient(options, channels, "head_dim", head_dim)
        elif heads is None:
            multiple = kv_heads or options.repeat
            heads = options.heads(channels, multiple)
            if heads is None:
                raise options.fail(
                    "does-not-divide",
                    "The width does not divide into heads",
                    "kv_heads",
                    f"{counted(channels, 'channel')}, not divisible by {multiple}",
                    f"The heads of {name} are a multiple of {multiple},"
                    " and share the channels evenly.",
                    "say heads and head_dim, or choose another width",
                )
        if head_dim is None:
            head_dim = _quotient(options, channels, "heads", heads)
    if kv_heads is None:
        if heads % options.repeat:
            raise options.fail(
                "does-not-divide",
                "The heads do not divide into groups",
                "heads" if "heads" in options.stated else "head_dim",
                f"{counted(heads, 'head')}, not a multiple of {options.repeat}",
                f"{name} repeats k and v {options.repeat} times.",
                "say kv_heads, or choose other heads",
            )
        return Heads(heads, heads // options.repeat, head_dim)
    if heads % kv_heads:
        raise options.fail(
            "does-not-divide",
            "The heads do not divide into groups",
            "kv_heads",
            f"{counted(heads, 'head')}, not a multiple of {kv_heads}",
            "Each head of k and v serves the same number of heads of q.",
            other="heads",
        )
    return Heads(heads, kv_heads, head_dim)


def _quotient(options: ResolvedOptions, channels: int, name: str, divisor: int) -> int:
    if channels % divisor:
        raise options.fail(
            "does-not-divide",
            "The width does not divide into heads",
            name,
            f"{counted(channels, 'channel')}, not divisible by {divisor}",
            f"{options.name} shares its channels evenly between its heads.",
            "say heads and head_dim" if name == "heads" else "",
        )
    return channels // divisor
