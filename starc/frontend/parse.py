"""Text to syntax tree. The only module that knows lark.

The grammar says what is right. `Recovery` is what happens at a mistake: tell it, skip
to the end of the statement, put a BROKEN token in its place, read on.
"""

from collections.abc import Iterator
from functools import cache, cached_property
from threading import Lock
from typing import Any, cast

from lark import Lark, Token
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from starc import resources
from starc.diagnostics import Diagnostic, Problems
from starc.frontend import ast
from starc.frontend.brackets import DEEPEST, Brackets, Scan, match, scan
from starc.frontend.build import TreeBuilder, end_of, start_of
from starc.frontend.characters import HIDDEN, describe, name_of
from starc.frontend.diagnose import END, Matcher, Mishap, meant_block, shorten
from starc.source import Source, Span

LARGEST = 16 * 1024 * 1024
MOST_ERRORS = 50


def parse(source: Source, problems: Problems) -> ast.Program:
    """The syntax tree; mistakes are added to `problems`, in the order of the text.

    Statements that are no syntax are left out, and listed in `Program.broken`.
    """
    whole = source.span(0, len(source.text))
    if len(source.text) > LARGEST:
        problems.add(
            "too-large",
            "File too large",
            source.span(0, 0),
            f"{len(source.text):,} characters",
            f"A .star file has at most {LARGEST:,}.",
        )
        return ast.Program(whole, (), (), (ast.Broken(whole),))
    found, scanned = Problems(), scan(source.text)
    comments = tuple(_comments(source, scanned, found))
    if scanned.too_deep is not None:
        _too_deep(source, scanned.too_deep, found)
        problems.found += found.found
        return ast.Program(whole, (), comments, (ast.Broken(whole),))
    with _parser().lock:
        items, broken = _parser().run(source, scanned, found)
    problems.found += sorted(found.found, key=lambda d: d.span.start)
    return ast.Program(whole, items, comments, broken)


def _comments(source: Source, scanned: Scan, found: Problems) -> Iterator[ast.Comment]:
    text = source.text
    for start, end in scanned.comments:
        line = text.rfind("\n", 0, start) + 1
        own_line = not text[line:start].strip(" \t\r")
        comment = text[start:end].rstrip()
        if hidden := HIDDEN.search(comment):
            place = start + hidden.start()
            label = name_of(hidden.group())
            span = source.span(place, place + 1)
            title = "Unexpected character"
            if len(found.found) < MOST_ERRORS:
                found.add("bad-character", title, span, label, hint="delete it")
        yield ast.Comment(source.span(start, start + len(comment)), comment, own_line)


def _too_deep(source: Source, place: int, found: Problems) -> None:
    found.add(
        "too-deep",
        "Nested too deeply",
        source.span(place, place + 1),
        f"this is bracket {DEEPEST + 1} inside one another",
        f"Brackets nest at most {DEEPEST} deep.",
    )


class _Lines:
    """Drops line ends inside ( ) and [ ], and adds the `}` that the text lacks.

    To lark, what comes between its lexer and its parser. Words and brackets are lexed
    as such even where none may stand, so that the parser sees the mistake.
    """

    always_accept = (
        *("NAME", "NUMBER", "RELATION", END, "COMMA", "COLON", "EQUAL"),
        *("LPAR", "RPAR", "LSQB", "RSQB", "LBRACE", "RBRACE"),
    )

    def __init__(self) -> None:
        self.missing: dict[int, list[int]] = {}

    def process(self, tokens: Iterator[Token]) -> Iterator[Token]:
        depth = 0
        for token in tokens:
            kind = token.type
            if kind == "LPAR" or kind == "LSQB":
                depth += 1
            elif kind == "RPAR" or kind == "RSQB":
                depth -= 1
            elif kind == END:
                if depth and not _semicolon(token):
                    continue
                if self.missing and token.end_pos in self.missing:
                    yield token
                    for _ in self.missing.pop(token.end_pos):
                        yield Token.new_borrow_pos("RBRACE", "}", token)
                        yield Token.new_borrow_pos(END, "\n", token)
                    continue
            yield token


def _semicolon(token: Token) -> bool:
    return any(";" in line.partition("#")[0] for line in token.split("\n"))


class _Parser:
    """Lark with our grammar and builder; one a process, since it takes 40 ms."""

    def __init__(self) -> None:
        self.lock, self.builder, self.lines = Lock(), TreeBuilder(), _Lines()
        self.lark = Lark(
            resources.read("grammar", "star.lark"),
            parser="lalr",
            start="program",
            postlex=self.lines,
            transformer=self.builder,
            keep_all_tokens=True,
            maybe_placeholders=False,
        )

    def run(
        self, source: Source, scanned: Scan, found: Problems
    ) -> tuple[tuple[ast.Item, ...], tuple[ast.Broken, ...]]:
        everything = ast.Broken(source.span(0, len(source.text)))
        self.builder.start(source, found)
        recovery = Recovery(source, found, self)
        text, self.lines.missing = source.text, {}
        if not scanned.balanced:
            brackets = recovery.match_brackets()
            found.found += brackets.problems.found
            text, self.lines.missing = brackets.text, brackets.missing
            if recovery.is_enough():
                return (), (everything,)
        try:
            items = self.lark.parse(text, on_error=recovery)
        except UnexpectedInput:  # recovery gave up
            return (), (everything,)
        return cast(tuple[ast.Item, ...], items), tuple(self.builder.broken)

    @cached_property
    def matcher(self) -> Matcher:
        """Made at the first mistake: it parses the examples, in 10 ms."""
        return Matcher(self._stop)

    def _stop(self, text: str) -> Mishap | None:
        """Where the parser stops in a wrong example."""
        self.builder.start(source := Source("<example>", text), Problems())
        stops: list[Mishap] = []

        def note(error: UnexpectedInput) -> bool:
            if isinstance(error, UnexpectedToken):
                stops.append(_mishap(error, match(source, 1)))
            return False

        self.lines.missing = {}
        try:
            self.lark.parse(text, on_error=note)
        except UnexpectedInput:
            pass
        return stops[0] if stops else None


@cache
def _parser() -> _Parser:
    return _Parser()


def _place(error: UnexpectedInput, end: int) -> int:
    if isinstance(error, UnexpectedToken):
        return end if error.token.type == "$END" else int(error.token.start_pos or 0)
    return int(error.pos_in_stream or 0)


def _mishap(error: UnexpectedToken, brackets: Brackets) -> Mishap:
    place = _place(error, len(brackets.text))
    state = error.interactive_parser.parser_state.position
    return Mishap(int(state), error.token.type, brackets.around(place))


class Recovery:
    """Called by lark at each mistake: tells it, and makes the parser ready to read on."""

    def __init__(self, source: Source, found: Problems, parser: _Parser) -> None:
        self.source, self.found, self.parser = source, found, parser
        self.brackets: Brackets | None = None
        self.told_until = (
            -1
        )  # the end of the last statement that a wrong bracket spoils

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

    def __call__(self, error: UnexpectedInput) -> bool:
        """True to read on."""
        parser: Any = error.interactive_parser
        state, lexer = parser.parser_state, parser.lexer_thread.state
        place = _place(error, len(self.source.text))
        if isinstance(error, UnexpectedToken):
            told, repair = self._explain(error, parser.accepts(), place)
            token = error.token
            if repair == "block" and (block := meant_block(token)):
                self.found.found.append(told)
                state.feed_token(Token.new_borrow_pos(block.upper(), block, token))
                return not self.is_enough()
            if repair == "line" and END in parser.accepts():
                self.found.found.append(told)
                state.feed_token(Token.new_borrow_pos(END, ";", token))
                lexer.line_ctr.char_pos = place
                return not self.is_enough()
            if repair == "join":
                self.found.found.append(told)
                return not self.is_enough()
        else:
            told = self._describe(place)
        self._skip(told, place, state, lexer)
        return not self.is_enough()

    def _explain(
        self, error: UnexpectedToken, accepts: set[str], place: int
    ) -> tuple[Diagnostic, str]:
        values = error.interactive_parser.parser_state.value_stack
        last = values[-1] if values else None
        before = place if last is None else min(end_of(last), place)
        span = Span(place, place + len(error.token), self.source)
        found = f"`{shorten(error.token)}`"
        if error.token.type == "$END":
            span, found = Span(before, before, self.source), "the end of the file"
        elif error.token.type == END and not error.token.startswith(";"):
            span, found = Span(before, before, self.source), "the end of the line"
        elif error.token.type == END:
            span, found = Span(place, place + 1, self.source), "`;`"
        line = self.source.line(self.source.line_and_column(span.start)[0])
        mishap = _mishap(error, self.match_brackets())
        joins = self.source.text.startswith("{", error.token.end_pos or 0)
        saying = self.parser.matcher.say(mishap, line, found, accepts, joins)
        if saying.last and last is not None:
            span = Span(start_of(last), before, self.source)
        told = Diagnostic(
            saying.code, saying.title, span, saying.label, saying.text, saying.hint
        )
        return told, saying.repair

    def _describe(self, place: int) -> Diagnostic:
        code, title, length, label, text, hint = describe(self.source.text, place)
        span = self.source.span(place, place + length)
        return Diagnostic(code, title, span, label, text, hint)

    def _skip(self, told: Diagnostic, place: int, state: Any, lexer: Any) -> None:
        """Drops what is left of the statement, and what was read of it."""
        brackets, start = self.match_brackets(), place
        actions = state.parse_conf.parse_table.states
        while "BROKEN" not in actions[state.state_stack[-1]]:
            state.state_stack.pop()
            start = start_of(state.value_stack.pop())
        end = max(brackets.statement_end(place), told.span.end, place)
        code_before = len(self.source.text[:start].rstrip(" \t\r\n;"))
        if (
            brackets.is_told(max(code_before - 1, 0), end)
            or code_before <= self.told_until
        ):
            self.told_until = end  # the bracket is the mistake, this only its effect
        else:
            self.found.found.append(told)
        end = min(end, len(self.source.text))
        broken = Token("BROKEN", self.source.text[start:end], start)
        broken.end_pos = end
        state.feed_token(broken)
        lexer.line_ctr.char_pos = end
