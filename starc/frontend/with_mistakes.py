"""Texts with mistakes, read by lark, which can stop, mend, skip and go on.

The only module that knows lark. The grammar says what is right; recover.py, what
happens at a mistake. Texts without one never come here: lalr.py reads them.
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
from starc.frontend.brackets import match
from starc.frontend.build import TreeBuilder
from starc.frontend.diagnose import Matcher, Mishap
from starc.frontend.lines import END, without_inner_ends
from starc.frontend.recover import Recovery, kinds_of_states, mishap_of
from starc.frontend.stray import empty_blocks
from starc.source import Source

Found = tuple[tuple[ast.Item, ...], tuple[ast.Broken, ...]]
"""The items of a program, and what is no syntax and was left out of them."""


def read(source: Source, balanced: bool, found: Problems) -> Found:
    """What can be read; mistakes are added to `found`, in any order.

    balanced: the brackets match.
    """
    with parser().lock:
        return parser().run(source, balanced, found)


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
        for token in without_inner_ends(tokens):
            yield token
            if token.type == END and token.end_pos in self.missing:
                for _ in self.missing.pop(token.end_pos):
                    yield Token.new_borrow_pos("RBRACE", "}", token)
                    yield Token.new_borrow_pos(END, "\n", token)


class Parser:
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

    def run(self, source: Source, balanced: bool, found: Problems) -> Found:
        everything = ast.Broken(source.span(0, len(source.text)))
        self.builder.start(source, found)
        recovery = Recovery(
            source, found, lambda: self.matcher, lambda: self.kinds, _token
        )
        text, self.lines.missing = source.text, {}
        if not balanced:
            brackets = recovery.match_brackets()
            found.found += brackets.problems.found
            recovery.spoiled += empty_blocks(source)
            text, self.lines.missing = brackets.text, brackets.missing
            if recovery.is_enough():
                return (), (everything,)
        try:
            items = self.lark.parse(text, on_error=recovery)
        except UnexpectedInput:  # recovery gave up
            return (), (everything,)
        broken = *self.builder.broken, *recovery.spoiled
        return cast(tuple[ast.Item, ...], items), broken

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
def parser() -> Parser:
    """The one of this process; hold its lock."""
    return Parser()


def _token(kind: str, text: str, start: int, end: int) -> Token:
    token = Token(kind, text, start)
    token.end_pos = end
    return token
