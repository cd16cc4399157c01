"""What happens at a mistake: tell it, make good for it where it is clear how, else skip
the statement and put a BROKEN token in its place; then the parser reads on.
"""

from collections.abc import Callable, Mapping
from typing import Any

from starc.diagnostics import Diagnostic, Problems
from starc.frontend import ast
from starc.frontend.brackets import MOST_ERRORS, Brackets, match
from starc.frontend.build import end_of, start_of
from starc.frontend.characters import describe
from starc.frontend.diagnose import Matcher, Mishap, meant_block, shorten
from starc.frontend.lines import END
from starc.frontend.stray import statement
from starc.source import Source, Span


def kinds_of_states(states: Mapping[int, Mapping[str, Any]]) -> dict[int, int]:
    """A number for each state of the parser, the same for those that look the same to
    the writer: entered with the same symbol, and the same may follow.
    """
    entered = {
        target: symbol
        for actions in states.values()
        for symbol, (action, target) in actions.items()
        if action.name == "Shift"
    }
    first: dict[object, int] = {}
    return {
        state: first.setdefault((entered.get(state), frozenset(actions)), state)
        for state, actions in states.items()
    }


def mishap_of(error: Any, brackets: Brackets, kinds: dict[int, int]) -> Mishap | None:
    """Where lark stopped; None if at characters that are no token."""
    token = getattr(error, "token", None)
    if token is None:
        return None
    around = brackets.around(_place(error, len(brackets.text)))
    state = error.state.position
    begins = "BROKEN" in error.state.parse_conf.parse_table.states[state]
    return Mishap(-1 if begins else kinds[state], token.type, around)


def _place(error: Any, end: int) -> int:
    token = getattr(error, "token", None)
    if token is None:
        return int(error.pos_in_stream)
    return end if token.type == "$END" else int(token.start_pos)


def _closes_block(values: list[Any]) -> bool:
    return bool(values) and getattr(values[-1], "type", "") == "RBRACE"


class Recovery:
    """Called by lark at each mistake, with its exception; True to read on.

    `make_token(kind, text, start, end)` makes lark's tokens.
    """

    def __init__(
        self,
        source: Source,
        found: Problems,
        matcher: Callable[[], Matcher],
        kinds: Callable[[], dict[int, int]],
        make_token: Callable[[str, str, int, int], Any],
    ) -> None:
        self.source, self.found = source, found
        self.matcher, self.kinds, self.make_token = matcher, kinds, make_token
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

    def __call__(self, error: Any) -> bool:
        parser = error.interactive_parser
        place = _place(error, len(self.source.text))
        if mishap := mishap_of(error, self.match_brackets(), self.kinds()):
            reported, repair = self._explain(error, mishap, place)
            if self._mend(repair, reported, error.token, parser):
                return not self.is_enough()
        else:
            reported = self._describe(place)
        self._skip(reported, place, parser)
        return not self.is_enough()

    # What is said ---------------------------------------------------------------------

    def _explain(
        self, error: Any, mishap: Mishap, place: int
    ) -> tuple[Diagnostic, str]:
        """The diagnostic for a token that cannot stand here, and how to make good."""
        token, values = error.token, error.interactive_parser.parser_state.value_stack
        last = values[-1] if values else None
        before = place if last is None else min(end_of(last), place)
        found = f"`{shorten(token)}`"
        span = Span(place, place + len(token), self.source)
        if token.type == "$END":
            span, found = Span(before, before, self.source), "the end of the file"
        elif token.type == END and token.startswith(";"):
            span, found = Span(place, place + 1, self.source), "`;`"
        elif token.type == END:
            span, found = Span(before, before, self.source), "the end of the line"
        line = self.source.line(self.source.line_and_column(span.start)[0])
        joins = self.source.text.startswith("{", token.end_pos or 0)
        accepts = error.interactive_parser.accepts()
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

    def _mend(self, repair: str, reported: Diagnostic, token: Any, parser: Any) -> bool:
        """Makes good for the mistake without skipping; False where that cannot be."""
        if repair == "block" and (block := meant_block(token)):
            word = self.make_token(block.upper(), block, token.start_pos, token.end_pos)
            parser.feed_token(word)
        elif repair == "line" and END in parser.accepts():
            place = token.start_pos
            parser.feed_token(self.make_token(END, ";", place, place))
            parser.lexer_thread.state.line_ctr.char_pos = place
            self.separated = place
            self.spoiled.append(statement(self.source, place))
        elif repair != "join":
            return False
        self.found.found.append(reported)
        return True

    def _skip(self, reported: Diagnostic, place: int, parser: Any) -> None:
        """Drops what is left of the statement, and what was read of it."""
        state, start = parser.parser_state, place
        if _closes_block(state.value_stack) and END in parser.accepts():
            # The block before it is whole: the statement begins after the `}`.
            parser.feed_token(self.make_token(END, ";", place, place))
        actions = state.parse_conf.parse_table.states
        while "BROKEN" not in actions[state.state_stack[-1]]:
            state.state_stack.pop()
            start = start_of(state.value_stack.pop())
        end = min(self.match_brackets().statement_end(place), len(self.source.text))
        if self.separated not in (start, place) and not self._is_reported(start, end):
            self.found.found.append(reported)
        text = self.source.text[start:end]
        parser.feed_token(self.make_token("BROKEN", text, start, end))
        parser.lexer_thread.state.line_ctr.char_pos = end

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
