"""What may stand at a place of a text that is not finished, as the grammar says.

The text around may have mistakes, so it is not read. Of what is open at the place the
headers are taken, and the statement at hand up to it:

    backbone { 12 x { a: GQA(heads = 4) k, v from

The parser's own tables say which words may follow. What a name would be there is read
off: one is put there, what is open is closed, and the syntax tree says what it became.
"""

import re
from functools import cached_property

from starc.diagnostics import Problems
from starc.frontend import ast, lalr
from starc.frontend.build import TreeBuilder
from starc.frontend.lines import without_inner_ends
from starc.lsp.names import Word, words
from starc.source import Source
from starc.values import dataclass

_MARK = re.compile(r"#[^\n]*|[][(){};\n]")
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_WORD = re.compile(r"[A-Za-z0-9_][\w.-]*\Z|[A-Za-z0-9_]\Z")

NAME = "starc_cursor"
"""The name that is put at the place."""

_GO_ON = ("", " = 1", " from a", ": a", " a", " { }", " <= 1")
"""What may follow a name, so that each thing that it can be is met."""


@dataclass
class Cursor:
    """text: of the file. offset: the place; `start`: where the word at it begins."""

    text: str
    offset: int

    @cached_property
    def in_comment(self) -> bool:
        line = self.text[self.text.rfind("\n", 0, self.offset) + 1 : self.offset]
        return "#" in line

    @cached_property
    def start(self) -> int:
        line = self.text.rfind("\n", 0, self.offset) + 1
        found = _WORD.search(self.text[line : self.offset])
        return self.offset if found is None else line + found.start()

    @cached_property
    def word(self) -> str:
        """What of the word stands before the place."""
        return self.text[self.start : self.offset]

    @cached_property
    def before(self) -> str:
        """The headers of what is open, and the statement up to the word."""
        return self._open[0]

    @cached_property
    def closers(self) -> str:
        """What closes all that is open."""
        return self._open[1]

    @cached_property
    def _open(self) -> tuple[str, str]:
        headers: list[str] = []
        brackets: list[str] = []
        begin = 0
        text, end = self.text, self.start
        starts = _block_starts()
        for mark in _MARK.finditer(text, 0, end):
            sign = mark.group()
            inner = brackets[-1] if brackets else ""
            if sign == "\n":
                if brackets and starts.match(text, mark.end(), end):
                    headers, brackets, inner = [], [], ""  # a block begins a line
                if inner in ("", "{"):
                    begin = mark.end()
            elif sign == ";":
                if inner in ("", "{"):
                    begin = mark.end()
            elif sign == "{":
                while brackets and brackets[-1] != "{":  # never closed
                    brackets.pop()
                headers.append(text[begin : mark.end()])
                brackets.append("{")
                begin = mark.end()
            elif sign in "([":
                brackets.append(sign)
            elif sign in ")]}" and brackets:
                if sign == "}":
                    while brackets and brackets[-1] != "{":
                        brackets.pop()
                    if brackets:
                        brackets.pop()
                        headers.pop()
                    begin = mark.end()
                elif _CLOSING[inner] == sign:
                    brackets.pop()
        statement = _without_comments(text[begin:end])
        before = "\n".join([*map(_without_comments, headers), statement])
        return before, "".join(_CLOSING[sign] for sign in reversed(brackets))

    @cached_property
    def keywords(self) -> tuple[str, ...]:
        """The words of the language that may stand here."""
        states = _states(self.before)
        known = lalr.tables().keywords
        return tuple(w for w, kind in known.items() if _fits(states, kind))

    @cached_property
    def names(self) -> tuple[Word, ...]:
        """What a name that stood here would be: a Word for each kind of thing."""
        found: dict[tuple[str, tuple[str, ...], bool], Word] = {}
        if not _fits(_states(self.before), lalr.NAME):
            return ()
        for more in _GO_ON:
            for word in _tree_words(f"{self.before} {NAME}{more}{self.closers}"):
                if word.text == NAME:
                    found.setdefault((word.kind, word.path, word.defines), word)
        return tuple(found.values())


def named(text: str, offset: int) -> Word | None:
    """What the word at a place is, read from its statement alone.

    For places in text that has mistakes and is in no syntax tree.
    """
    end = offset
    while end < len(text) and re.match(r"[\w-]", text[end]):
        end += 1
    cursor = Cursor(text, end)
    if cursor.in_comment or not cursor.word:
        return None
    for more in _GO_ON:
        whole = f"{cursor.before} {cursor.word}{more}{cursor.closers}"
        place = len(cursor.before) + 1
        for word in _tree_words(whole):
            if word.span.start == place and word.text == cursor.word:
                return word
    return None


def _tree_words(text: str) -> tuple[Word, ...]:
    """The names of a text without mistakes of syntax; of any other none."""
    program = tree(text)
    return () if program is None else words(program)


def tree(text: str) -> ast.Program | None:
    builder, source = TreeBuilder(), Source("<cursor>", text)
    builder.start(source, Problems())
    try:
        items = lalr.read(text, builder)
    except lalr.Stopped:
        return None
    return ast.Program(source.span(0, len(text)), items)


def _states(text: str) -> list[int]:
    """The parser's states after a text; none where it does not fit."""
    reading = _Reading(text)
    try:
        for token in without_inner_ends(reading.tokens()):
            state = reading.reduce(token.type)
            reading.states.append(state)
    except lalr.Stopped:
        return []
    return reading.states


class _Reading(lalr.Reading):
    """States alone, without values: no line is made of one that was read before."""

    remembers = False

    def __init__(self, text: str) -> None:
        super().__init__(text, TreeBuilder())

    def reduce(self, kind: str) -> int:
        self.states = _reduced(self.states, kind)
        return lalr.tables().states[self.states[-1]].actions[kind]


def _reduced(states: list[int], kind: str) -> list[int]:
    """The states once every rule that ends before a `kind` is complete.

    Raises lalr.Stopped where none may follow.
    """
    tables, found = lalr.tables(), list(states)
    while True:
        action = tables.states[found[-1]].actions.get(kind)
        if action is None:
            raise lalr.Stopped
        if action >= 0:
            return found
        rule = tables.rules[~action]
        if rule.size:
            del found[-rule.size :]
        found.append(tables.states[found[-1]].actions[rule.origin])


def _fits(states: list[int], kind: str) -> bool:
    try:
        return bool(states) and bool(_reduced(states, kind))
    except lalr.Stopped:
        return False


def _block_starts() -> "re.Pattern[str]":
    """A line that begins a block: one of the words of the first state, a header."""
    tables = lalr.tables()
    first = [
        w for w, kind in tables.keywords.items() if kind in tables.states[0].actions
    ]
    return re.compile(rf"(?:{'|'.join(first)})\b[ \t]*[\w-]*[ \t]*[={{]")


def _without_comments(text: str) -> str:
    return re.sub(r"#[^\n]*", "", text)
