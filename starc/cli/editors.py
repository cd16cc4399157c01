"""Diagnostics as editors read them."""

import json
from collections.abc import Iterable

from starc.diagnostics import Diagnostic
from starc.source import Span


def as_json(diagnostics: Iterable[Diagnostic]) -> str:
    """A list of objects; lines and columns count from 1, ends are exclusive."""
    return json.dumps([_diagnostic(one) for one in diagnostics], indent=2)


def _diagnostic(one: Diagnostic) -> dict[str, object]:
    return {
        **_place(one.span),
        "severity": "error",
        "code": one.code,
        "title": one.title,
        "label": one.label,
        "text": one.text,
        "hint": one.hint,
        "notes": [{**_place(note.span), "label": note.label} for note in one.notes],
    }


def _place(span: Span) -> dict[str, object]:
    line, column = span.source.line_and_column(span.start)
    end_line, end_column = span.source.line_and_column(span.end)
    return {
        "file": span.source.name,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
    }
