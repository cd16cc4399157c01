"""The templates. They hold text, and choose by what the plan says.

They are written in Jinja's language, and run as the Python that lies beside them.
"""

from collections.abc import Callable
from functools import cache
from importlib.machinery import SourceFileLoader
from typing import Any

from starc import resources

FILE = ("model.py.j2", "sequences.py.j2", "generate.py.j2")
"""Of the emitted file; the first has the others in it."""


@cache
def source(name: str) -> str:
    """A template as it is written."""
    return resources.read("templates", name)


@cache
def _blocks(name: str) -> dict[str, Callable[[dict[str, object]], str]]:
    """What ships, unless it was made of another text than the templates have now."""
    found = _shipped(name)
    if found is None:
        from starc.backend.template_code import python

        exec(python(name), found := {})
    blocks: dict[str, Callable[[dict[str, object]], str]] = found["BLOCKS"]
    return blocks


def _shipped(name: str) -> dict[str, Any] | None:
    """What the file beside a template defines; None where it is not of this text."""
    path = resources.path("templates", name.removesuffix(".j2"))
    found: dict[str, Any] = {}
    try:
        exec(SourceFileLoader(name, path).get_code(name) or "", found)
        marks = {n: resources.checksum("templates", n) for n in found["SOURCES"]}
    except FileNotFoundError:
        return None
    return found if marks == found["SOURCES"] else None


def has_block(template: str, name: str) -> bool:
    """Whether an operator's template has a block of this name."""
    return name in _blocks(f"operators/{template}.py.j2")


def block(template: str, name: str, context: dict[str, object]) -> list[str]:
    """The lines of one block of an operator's template; none if there is none."""
    found = _blocks(f"operators/{template}.py.j2").get(name)
    text = found(context) if found else ""
    return text.strip("\n").split("\n") if text.strip() else []


def render(template: str, context: dict[str, object]) -> str:
    (whole,) = _blocks(template).values()
    return whole(context)
