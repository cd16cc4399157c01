"""Pages that need nothing else to open: data, scripts, styles and plotly.js inside."""

import json
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from starc import resources
from starc.evolve.report.measures import written
from starc.printable import lines

PARTS = ("frame.html.j2", "macros.html.j2")
"""What pages are made of."""


@lru_cache(maxsize=4)
def template(name: str) -> Any:
    """templates/report/<name>.html.j2, whose texts are text wherever they come from."""
    names = (f"{name}.html.j2", *PARTS)
    texts = {each: resources.read("templates", f"report/{each}") for each in names}
    environment = Environment(
        loader=DictLoader(texts),
        undefined=StrictUndefined,
        autoescape=True,
        finalize=_printed,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["written"] = written
    environment.filters["percent"] = lambda share: f"{100 * share:.0f} %"
    environment.filters["duration"] = duration
    return environment.get_template(names[0])


def styles() -> Markup:
    return Markup(resources.read("templates", "report/page.css"))


def scripts(names: Sequence[str]) -> list[Markup]:
    return [Markup(resources.read("templates", f"report/{name}")) for name in names]


def data(value: Any) -> Markup:
    """JSON that no text in it can end or leave, and that can be shown."""
    text = json.dumps(_plain(value), allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # json.dumps writes ASCII alone


def plotly() -> Markup:
    """plotly.js as the Python package ships it (MIT licence, in its first lines)."""
    path = files("plotly") / "package_data" / "plotly.min.js"
    text = path.read_text(encoding="utf-8")
    assert "</script" not in text.lower(), "cannot stand in a page"
    return Markup(text)


def _plain(value: Any) -> Any:
    """The same with every text, names of fields too, as it can be shown."""
    if isinstance(value, str):
        return lines(value)
    if isinstance(value, dict):
        return {lines(str(key)): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


def _printed(value: Any) -> Any:
    """Text of the database without what turns its direction or is no text.

    Whatever it comes from: only what this page itself made is markup already.
    """
    return value if hasattr(value, "__html__") else lines(str(value))


def duration(seconds: float) -> str:
    """`2 h 5 min`, `3 min 20 s`, `4.2 s`."""
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min" if hours else f"{minutes} min {rest} s"
