"""Errors as values: made where they are found, collected, rendered once."""

from collections.abc import Iterable, Iterator
from dataclasses import field
from textwrap import wrap

from starc.snippet import WIDEST, draw, number_width
from starc.source import Span
from starc.spelling import nearest
from starc.values import dataclass


@dataclass(frozen=True)
class Note:
    """A second place, where a mistake has two ends."""

    span: Span
    label: str


@dataclass(frozen=True)
class Diagnostic:
    """One mistake of the person who wrote the text.

    `code` is a key of the catalogue (`starc explain CODE`), `title` the headline,
    `label` what is said right at the place, `text` why, `hint` what to do.
    """

    code: str
    title: str
    span: Span
    label: str = ""
    text: str = ""
    hint: str = ""
    notes: tuple[Note, ...] = ()


@dataclass
class Problems:
    """The diagnostics of one compilation, in the order they were found."""

    found: list[Diagnostic] = field(default_factory=list)

    def add(
        self,
        code: str,
        title: str,
        span: Span,
        label: str = "",
        text: str = "",
        hint: str = "",
        notes: tuple[Note, ...] = (),
    ) -> None:
        self.found.append(Diagnostic(code, title, span, label, text, hint, notes))

    def __bool__(self) -> bool:
        return bool(self.found)

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self.found)

    def check(self) -> None:
        """Raises StarError when anything was found."""
        if self.found:
            raise StarError(tuple(self.found))


class StarError(Exception):
    """The input is wrong; `diagnostics` says where, why and what to do."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        super().__init__("\n\n".join(render(d) for d in diagnostics))
        self.diagnostics = diagnostics


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean ShortConv?`, or "" when nothing known is near."""
    near = nearest(word, known)
    return f"did you mean {near}?" if near else ""


_RED, _BLUE, _BOLD, _PLAIN = "\x1b[1;31m", "\x1b[34m", "\x1b[1m", "\x1b[0m"


def render(diagnostic: Diagnostic, color: bool = False) -> str:
    """The diagnostic as text, with its lines of source; `color` for terminals."""
    width = number_width([diagnostic.span, *(n.span for n in diagnostic.notes)])
    code, title = f"error[{diagnostic.code}]", f": {diagnostic.title}"
    if color:
        code, title = _RED + code + _PLAIN, _BOLD + title + _PLAIN
    lines = [code + title]
    places = [(diagnostic.span, diagnostic.label, "^", _RED)]
    places += [(note.span, note.label, "-", _BLUE) for note in diagnostic.notes]
    for span, label, mark, paint in places:
        place, text, under = draw(span, label, mark, width)
        if color:
            gutter, underline = under[: width + 1], under[width + 1 :]
            place = _BLUE + place + _PLAIN
            text = _BLUE + text[: width + 1] + _PLAIN + text[width + 1 :]
            under = _BLUE + gutter + paint + underline + _PLAIN
        lines += [place, text, under]
    why = [diagnostic.text] if diagnostic.text else []
    if diagnostic.hint:
        why.append(f"Hint: {diagnostic.hint}")
    why = [line for text in why for line in _wrap(text)]
    return "\n".join([*lines, "", *why] if why else lines)


def _wrap(text: str) -> list[str]:
    """At most WIDEST columns a line; line ends of the text are kept."""
    return [
        line
        for paragraph in text.split("\n")
        for line in wrap(paragraph, WIDEST, break_on_hyphens=False) or [""]
    ]


def to_json(diagnostic: Diagnostic) -> dict[str, object]:
    """The diagnostic for an editor; lines and columns count from 1, ends are beyond."""
    return {
        "code": diagnostic.code,
        "severity": "error",
        "message": diagnostic.title,
        "label": diagnostic.label,
        "text": diagnostic.text,
        "hint": diagnostic.hint,
        **_place(diagnostic.span),
        "notes": [
            {"message": note.label, **_place(note.span)} for note in diagnostic.notes
        ],
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
