"""SVG as text: elements whose attributes and content are always escaped."""

from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

Value = str | int | float


def element(tag: str, *content: str, **attributes: Value) -> str:
    """One element around `content`, which is SVG already.

    `stroke_width` is written stroke-width, `class_` class.
    """
    written = "".join(
        f" {name.rstrip('_').replace('_', '-')}={quoteattr(_number(value))}"
        for name, value in attributes.items()
    )
    inner = "".join(content)
    return f"<{tag}{written}>{inner}</{tag}>" if inner else f"<{tag}{written}/>"


def text(x: float, y: float, words: str, **attributes: Value) -> str:
    """`words` at a point, escaped."""
    return element("text", printable(words), x=x, y=y, **attributes)


def title(words: str) -> str:
    """What a browser shows over the element that holds it."""
    return element("title", printable(words))


def printable(words: str) -> str:
    """Escaped; characters that XML cannot hold become a box with a question mark."""
    return escape("".join(c if _allowed(ord(c)) else "\ufffd" for c in words))


def document(width: float, height: float, content: Iterable[str], name: str) -> str:
    """A whole SVG that scales down with the page; `name` is its title."""
    return element(
        "svg",
        title(name),
        *content,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_number(width)} {_number(height)}",
        width=width,
        height=height,
        role="img",
        font_family="system-ui, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif",
    )


def _number(value: Value) -> str:
    """Two decimals are a hundredth of a pixel."""
    return f"{round(value, 2):g}" if isinstance(value, float) else str(value)


def _allowed(code: int) -> bool:
    """Whether XML 1.0 can hold the character."""
    return (
        code in (9, 10, 13)
        or 0x20 <= code <= 0xD7FF
        or 0xE000 <= code <= 0xFFFD
        or code >= 0x10000
    )
