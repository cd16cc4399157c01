"""Numbers as the language writes them: 50_304, 8/3, 1e6, none."""

from fractions import Fraction

_ROUND = 1_000_000  # from here on whole numbers with many zeros are written 1e6


def numeral(value: int | float | Fraction) -> str:
    """`4_096`, `2.5e7`, `8/3`, `1e-5`: as in a .star file, to six digits."""
    if isinstance(value, Fraction) and value.denominator > 1:
        return str(value)
    if not isinstance(value, float) or value.is_integer() and abs(value) < 1e15:
        whole = int(value)
        short = f"{whole:.6e}"
        if abs(whole) < _ROUND or float(short) != whole or len(_plain(short)) > 5:
            return f"{whole:_}"
        return _plain(short)
    return _plain(f"{value:g}")


def written(value: object) -> str:
    """A value as the language writes it: `true`, a word, a number."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float | Fraction):
        return numeral(value)
    return str(value)


def counted(number: int, thing: str) -> str:
    """`1 head`, `4 heads`, `4_096 channels`, `2 branches`."""
    several = f"{thing}es" if thing.endswith("ch") else f"{thing}s"
    return f"{number:_} {thing if number == 1 else several}"


def shortened(number: float, unit: str = "") -> str:
    """`354 M`, `12.3 kB`, `512 B`: three digits, for a person who compares."""
    for size, prefix in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            digits = 2 if number < 10 * size else 1 if number < 100 * size else 0
            return f"{number / size:.{digits}f} {prefix}{unit}"
    return f"{number:.0f} {unit}".rstrip()


def _plain(text: str) -> str:
    """`1.000000e+06` as `1e6`."""
    digits, e, exponent = text.partition("e")
    if "." in digits and e:
        digits = digits.rstrip("0").removesuffix(".")
    return f"{digits}e{int(exponent)}" if e else digits
