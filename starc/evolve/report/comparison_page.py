"""One page that sets several runs of one problem side by side."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from starc import __version__
from starc.evolve.report import html
from starc.evolve.report.comparison import Comparison, Group, compare
from starc.evolve.report.data import axes_data
from starc.evolve.report.read import ReportError, read

SCRIPTS = ("page.js", "comparison.js")


def report(folders: Sequence[Path]) -> str:
    """The page about the runs in `folders`, as they are now. Raises ReportError."""
    paths = [folder.resolve() for folder in folders]
    twice = [str(path) for path, times in Counter(paths).items() if times > 1]
    if twice:
        raise ReportError(f"{twice[0]} is named twice")
    return page(compare([*zip(_names(paths), map(read, folders), strict=True)]))


def page(found: Comparison) -> str:
    """The HTML, complete with plotly.js."""
    text: str = html.template("comparison").render(
        found=found,
        members=[member for group in found.groups for member in group.members],
        bands=[group.band(found.common) for group in found.groups],
        version=__version__,
        data=html.data(_chart_data(found)),
        styles=html.styles(),
        scripts=html.scripts(SCRIPTS),
        plotly=html.plotly(),
    )
    return text


def _names(paths: Sequence[Path]) -> list[str]:
    """The folder's name, with as many of those above it as tell all apart."""
    depth = 1
    while True:
        names = ["/".join(path.parts[-depth:]) for path in paths]
        if len({*names}) == len(names):
            return names
        depth += 1


def _chart_data(found: Comparison) -> dict[str, Any]:
    """Of the charts; `candidates` and `generations` are of a single run's page."""
    return {
        "candidates": [],
        "generations": [],
        "axes": axes_data(found.objectives),
        "groups": [_group(group, found) for group in found.groups],
    }


def _group(group: Group, found: Comparison) -> dict[str, Any]:
    steps = group.steps()
    low, middle, high = zip(*map(group.band, steps), strict=True)
    return {
        "letter": group.letter,
        "steps": steps,
        "low": low,
        "middle": middle,
        "high": high,
        "fronts": [
            {
                "name": member.name,
                "values": [
                    [entry.measure(axis.label) for axis in found.objectives]
                    for entry in member.run.front
                ],
            }
            for member in group.members
        ],
    }
