"""What happens at a mistake: tell it, make good for it where it is clear how, else skip
the statement and put a BROKEN token in its place; then the parser reads on.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from starc.diagnostics import Diagnostic, Problems
from starc.frontend import ast
from starc.frontend.brackets import MOST_ERRORS, Brackets, match
from starc.frontend.build import Token, end_of, start_of
from starc.frontend.characters import describe
from starc.frontend.diagnose import Matcher, Mishap, meant_block, shorten
from starc.frontend.lines import END
from starc.frontend.stray import statement
from starc.source import Source, Span


class Reading(Protocol):
    """What is done with a parser that stopped."""

    place: int
    states: list[int]
    values: list[object]

    def feed(self, kind: str, text: str, start: int, end: int) -> None: ...
    def may_begin(self) -> bool: ...
    def accepts(self) -> set[str]: ...


def kinds_of_states(states: Sequence[Mapping[str, int]]) -> dict[int, int]:
    """A number for each state of the parser, the same for those that look the same to
    the writer: entered with the same symbol, and the same may follow.
    """
    entered = {
        action: symbol
        for actions in states
        for symbol, action in actions.items()
        if action >= 0
    }
    first: dict[object, int] = {}
    return {
        state: first.setdefault((entered.get(state), frozenset(actions)), state)
        for state, actions in enumerate(states)
    }


def mishap_of(
    token: Token | None, reading: Reading, brackets: Brackets, kinds: dict[int, int]
) -> Mishap | None:
    """Where the parser stopped; None if at characters that are no token."""
    if token is None:
        return None
    around = brackets.around(_place(token, reading, len(brackets.text)))
    state = -1 if reading.may_begin() else kinds[reading.states[-1]]
    return Mishap(state, token.type, around)


def _place(token: Token | None, reading: Reading, end: int) -> int:
    if token is None:
        return reading.place
    return end if token.type == "$END" else token.start_pos


def _closes_block(values: list[object]) -> bool:
    return bool(values) and getattr(values[-1], "type", "") == "RBRACE"


class Recovery:
    """Called at each mistake, with what may not stand there; True to read on."""

    def __init__(
        self,
        source: Source,
        found: Problems,
        matcher: Callable[[], Matcher],
        kinds: Callable[[], dict[int, int]],
    ) -> None:
        self.source, self.found = source, found
        self.matcher, self.kinds = matcher, kinds
        self.brackets: Brackets | None = None
        self.separated = -1  # the last place where a line end was put: reported already
        self.spoiled: list[ast.Broken] = []  # statements that were put right
        self.reported_until = (
            -1
        )  # end of the last statement that a wrong bracket spoils

    def match_brackets(self) -> Brackets:
        if self.brackets is None:
            self.brackets = match(self.source, MOST_ERRORS)
        return self.brackets

    def is_enough(self) -> bool:
        """Whether enough has been said; says so."""
        if len(self.found.found) < MOST_ERRORS:
            return False
        last = max(self.found.found, key=lambda d: d.span.start)
        self.found.add(
            "too-many-errors",
            "Too many mistakes",
            self.source.span(last.span.end, last.span.end),
            "reading stopped here",
            f"After {MOST_ERRORS} mistakes the rest of a file is not looked at.",
        )
        return True

    def __call__(self, token: Token | None, reading: Reading) -> bool:
        place = _place(token, reading, len(self.source.text))
        mishap = mishap_of(token, reading, self.match_brackets(), self.kinds())
        if token is None or mishap is None:
            reported = self._describe(place)
        else:
            reported, repair = self._explain(token, reading, mishap, place)
            if self._mend(repair, reported, token, reading):
                return not self.is_enough()
        self._skip(reported, place, reading)
        return not self.is_enough()

    # What is said ---------------------------------------------------------------------

    def _explain(
        self, token: Token, reading: Reading, mishap: Mishap, place: int
    ) -> tuple[Diagnostic, str]:
        """The diagnostic for a token that cannot stand here, and how to make good."""
        text, values = str(token), reading.values
        last = values[-1] if values else None
        before = place if last is None else min(end_of(last), place)
        found = f"`{shorten(text)}`"
        span = Span(place, place + len(text), self.source)
        if token.type == "$END":
            span, found = Span(before, before, self.source), "the end of the file"
        elif token.type == END and text.startswith(";"):
            span, found = Span(place, place + 1, self.source), "`;`"
        elif token.type == END:
            span, found = Span(before, before, self.source), "the end of the line"
        line = self.source.line(self.source.line_and_column(span.start)[0])
        joins = self.source.text.startswith("{", token.end_pos)
        accepts = reading.accepts()
        saying = self.matcher().say(mishap, line, found, accepts, joins)
        if saying.last and last is not None:
            span = Span(start_of(last), before, self.source)
        reported = Diagnostic(
            saying.code, saying.title, span, saying.label, saying.text, saying.hint
        )
        return reported, saying.repair

    def _describe(self, place: int) -> Diagnostic:
        code, title, length, label, text, hint = describe(self.source.text, place)
        span = self.source.span(place, place + length)
        return Diagnostic(code, title, span, label, text, hint)

    # How to read on -------------------------------------------------------------------

    def _mend(
        self, repair: str, reported: Diagnostic, token: Token, reading: Reading
    ) -> bool:
        """Makes good for the mistake without skipping; False where that cannot be."""
        if repair == "block" and (block := meant_block(str(token))):
            reading.feed(block.upper(), block, token.start_pos, token.end_pos)
        elif repair == "line" and END in reading.accepts():
            place = token.start_pos
            reading.feed(END, ";", place, place)
            reading.place = place
            self.separated = place
            self.spoiled.append(statement(self.source, place))
        elif repair != "join":
            return False
        self.found.found.append(reported)
        return True

    def _skip(self, reported: Diagnostic, place: int, reading: Reading) -> None:
        """Drops what is left of the statement, and what was read of it."""
        start = place
        if _closes_block(reading.values) and END in reading.accepts():
            # The block before it is whole: the statement begins after the `}`.
            reading.feed(END, ";", place, place)
        while not reading.may_begin():
            reading.states.pop()
            start = start_of(reading.values.pop())
        end = min(self.match_brackets().statement_end(place), len(self.source.text))
        if self.separated not in (start, place) and not self._is_reported(start, end):
            self.found.found.append(reported)
        reading.feed("BROKEN", self.source.text[start:end], start, end)
        reading.place = end

    def _is_reported(self, start: int, end: int) -> bool:
        """Whether this is but the effect of a bracket that is never closed: one in this
        statement, or its contents, which follow on lines of their own.
        """
        text, brackets = self.source.text, self.match_brackets()
        before = len(text[:start].rstrip(" \t\r\n;"))
        follows = before == self.reported_until or brackets.is_reported(
            before - 1, start
        )
        reported = follows or brackets.is_reported(start, end)
        if follows or reported and text[start:end].rstrip().endswith(","):
            self.reported_until = len(text[:end].rstrip(" \t\r\n;"))
        return reported
