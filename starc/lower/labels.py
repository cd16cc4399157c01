"""Labels: what they may be called, and which one is whose."""

import re
from collections.abc import Iterator
from typing import assert_never

from starc.diagnostics import Note, Problems
from starc.frontend import ast

_LABEL = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")


def uses(body: tuple[ast.Step, ...]) -> Iterator[ast.Use]:
    """Every LIV of the text, in its order."""
    for step in body:
        match step:
            case ast.Use():
                yield step
            case ast.Repeat() | ast.Parallel() | ast.Section():
                yield from uses(step.body)
            case _:
                assert_never(step)


def collect_labels(backbone: ast.Backbone, problems: Problems) -> dict[str, ast.Name]:
    """Each label and the place where it stands. Bad and repeated ones are told."""
    found: dict[str, ast.Name] = {}
    for use in uses(backbone.body):
        label = use.label
        if label is None:
            continue
        if label.text in found:
            problems.add(
                "duplicate-label",
                "Two LIVs with one label",
                label.span,
                "this label is taken",
                "A label names one LIV of the backbone.",
                "choose another label",
                (Note(found[label.text].span, "the first one"),),
            )
            continue
        found[label.text] = label
        _check(label, problems)
    return found


def _check(label: ast.Name, problems: Problems) -> None:
    if not _LABEL.fullmatch(label.text):
        problems.add(
            "bad-name",
            "This cannot be a label",
            label.span,
            "not an identifier",
            "A label is letters, digits and `_`, at most 80, and begins with a letter.",
            "write " + (re.sub(r"\W", "_", label.text[:80]).lstrip("_") or "c1"),
        )
