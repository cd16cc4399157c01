"""Text to syntax tree. The only module that knows lark.

The grammar says what is right; recover.py, what happens at a mistake.
"""

from collections.abc import Iterator
from functools import cache, cached_property
from threading import Lock
from typing import cast

from lark import Lark, Token
from lark.exceptions import UnexpectedInput

from starc import resources
from starc.diagnostics import Problems
from starc.frontend import ast
from starc.frontend.brackets import DEEPEST, Scan, match, scan
from starc.frontend.build import TreeBuilder
from starc.frontend.characters import HIDDEN, LINE_END, LINE_ENDS, name_of
from starc.frontend.diagnose import END, Matcher, Mishap
from starc.frontend.recover import MOST_ERRORS, Recovery, kinds_of_states, mishap_of
from starc.source import Source

LARGEST = 256 * 1024
"""Bytes or characters: the slowest texts of this size take 2 s, most of it in lark."""


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
        comment = text[start:end]
        if text.startswith("\n", end):
            comment = comment.removesuffix("\r")
        hidden = HIDDEN.search(comment)
        comment = comment.rstrip()
        if hidden:
            place = start + hidden.start()
            label = name_of(hidden.group())
            hint = LINE_END if hidden.group() in LINE_ENDS else "delete it"
            span = source.span(place, place + 1)
            title = "Unexpected character"
            if len(found.found) < MOST_ERRORS:
                found.add("bad-character", title, span, label, hint=hint)
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
        recovery = Recovery(
            source, found, lambda: self.matcher, lambda: self.kinds, _token
        )
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
    def kinds(self) -> dict[int, int]:
        table = self.lark.parse_interactive("").parser_state.parse_conf.parse_table
        return kinds_of_states(table.states)

    @cached_property
    def matcher(self) -> Matcher:
        """Made at the first mistake, since it parses the examples, in 15 ms."""
        builder, lines = self.builder, self.lines
        outer = builder.source, builder.problems, builder.broken, lines.missing
        try:
            return Matcher(self._stop)
        finally:  # the parse in which the mistake was found goes on
            builder.source, builder.problems, builder.broken, lines.missing = outer

    def _stop(self, text: str) -> Mishap | None:
        """Where the parser stops in a wrong example."""
        self.builder.start(source := Source("<example>", text), Problems())
        self.lines.missing = {}
        try:
            self.lark.parse(text)
        except UnexpectedInput as error:
            return mishap_of(error, match(source, 1), self.kinds)
        return None


@cache
def _parser() -> _Parser:
    return _Parser()


def _token(kind: str, text: str, start: int, end: int) -> Token:
    token = Token(kind, text, start)
    token.end_pos = end
    return token
