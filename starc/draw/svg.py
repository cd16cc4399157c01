"""SVG as text: elements whose attributes and content are always escaped."""

from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

from starc.printable import lines, printable

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
    """`words` at a point, as one line that can be shown."""
    return element("text", escape(printable(words)), x=x, y=y, **attributes)


def title(words: str) -> str:
    """What a browser shows over the element that holds it; several lines."""
    return element("title", escape(lines(words)))


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
