"""Texts without mistakes, read by the tables of the grammar; nothing else is needed.

Lark makes the tables (tables.py), and they ship as data: to make them takes longer than
a compilation. Where a text does not fit, `Stopped` is raised; with_mistakes.py says why
and reads on from there.
"""

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from starc import resources
from starc.diagnostics import Diagnostic
from starc.frontend import ast
from starc.frontend.again import Recipe
from starc.frontend.build import TreeBuilder
from starc.frontend.lines import without_inner_ends
from starc.source import Source

END_OF_FILE = "$END"
STUCK = -1

MOST_KNOWN = 8192
"""Lines that are remembered."""

BETWEEN_MARKS = 2048
"""Characters, at least."""

_LINE = re.compile(r"[A-Za-z_](?:[^\n\r#;{}]*[^\s#;{}])?(?=[ \t]*\n)")


_known: dict[str, Recipe[ast.Use]] = {}
"""What is read of a LIV does not depend on what led there, until all of it is: wherever
one may begin, the parser goes to the same states (a test looks at its tables)."""

_said: dict[ast.Said, ast.Said] = {}
"""What those lines say, lines that say the same have in common."""

NAME = "NAME"


class Token(str):
    """A word of the text, and its place."""

    __slots__ = ("type", "start_pos", "end_pos")
    type: str
    start_pos: int
    end_pos: int

    @classmethod
    def at(cls, kind: str, text: str, start: int, end: int) -> "Token":
        token = cls(text)
        token.type, token.start_pos, token.end_pos = kind, start, end
        return token


class Stopped(Exception):
    """The text has a mistake, or brackets that do not match.

    token: what may not stand there; None: characters that are no word.
    """

    def __init__(self, token: Token | None = None) -> None:
        super().__init__()
        self.token = token


class Inlined(list[object]):
    """What a rule without a node matched: parts of the rule around."""

    @property
    def children(self) -> list[object]:
        return self


class Rule(NamedTuple):
    """origin: its name. size: of what it matches. makes: a value for the rule around.

    "node": what the builder's method named like the rule gives. "parts": what it
    matched, each for itself. "part": the one thing that it matched.
    """

    origin: str
    size: int
    makes: str


class State(NamedTuple):
    """words: the regular expression for what may stand here, a group a kind.

    actions: kind of word or name of rule -> the next state, or ~index of the rule that
    is complete.
    """

    words: "re.Pattern[str]"
    actions: dict[str, int]


class Tables(NamedTuple):
    """keywords: word -> its kind, where the grammar asks for it; else it is a name."""

    keywords: dict[str, str]
    rules: tuple[Rule, ...]
    states: tuple[State, ...]
    last: int


@cache
def tables() -> Tables:
    """Those of `grammar/star.lark`. The first state is 0."""
    found: dict[str, Any] = json.loads(resources.read("grammar", "tables.json"))
    words = [re.compile(pattern) for pattern in found["words"]]
    states = (State(words[number], actions) for number, actions in found["states"])
    rules = (
        Rule(origin, size, "part" if (size, makes) == (1, "parts") else makes)
        for origin, size, makes in found["rules"]
    )
    return Tables(found["keywords"], tuple(rules), tuple(states), found["last"])


def forget() -> None:
    """Lets go of all lines."""
    _known.clear()
    _said.clear()


def read(text: str, builder: TreeBuilder) -> Any:
    """What the builder made of the text. Raises Stopped."""
    return Reading(text, builder).run()


class Mark(NamedTuple):
    """Where a reading stood before a statement, so that another one can go on there.

    values: each with its length where it is a list, to which a reading adds. found: the
    problems that were told.
    """

    place: int
    last: Token
    states: tuple[int, ...]
    values: tuple[tuple[object, int], ...]
    found: tuple[Diagnostic, ...]


class Reading:
    """One pass over a text: the states that led here, and the value of each.

    place: where the next word is looked for. last: the word before it. same_until: up
    to there the text is as it was given, and marks are made. told_before: how many of
    the builder's problems this reading has not found.
    """

    remembers = True
    """Whether a line that was read before is made anew without looking at its words."""

    def __init__(self, text: str, builder: TreeBuilder) -> None:
        self.text, self.tables = text, tables()
        self.place, self.last = 0, Token.at(END_OF_FILE, "", 0, 0)
        self.states: list[int] = [0]
        self.values: list[object] = []
        self.builder = builder
        self.marks: list[Mark] = []
        self.next_mark, self.same_until = BETWEEN_MARKS, len(text)
        self.told_before = 0
        self.methods = [
            getattr(builder, rule.origin) if rule.makes == "node" else None
            for rule in self.tables.rules
        ]

    def run(self) -> Any:
        """From `place` to the end of the text. After Stopped it may be called again."""
        token, states, values = self.last, self.states, self.values
        for token in self.ended(self.tokens()):
            state = self.reduce(token.type)
            if state == STUCK:
                raise Stopped(token)
            states.append(state)
            values.append(token)
        if self.reduce(END_OF_FILE) == STUCK:
            place = token.start_pos, token.end_pos
            raise Stopped(Token.at(END_OF_FILE, "", *place))
        return values[-1]

    def go_to(self, mark: Mark) -> None:
        """Goes on where another reading stood, of a text that is the same so far and
        makes nodes of the same source."""
        self.place, self.last = mark.place, mark.last
        self.states[:] = mark.states
        self.values[:] = [
            Inlined(value[:length]) if isinstance(value, Inlined) else value
            for value, length in mark.values
        ]
        self.builder.problems.found += mark.found

    def _mark(self) -> None:
        values = tuple(
            (value, len(value) if isinstance(value, Inlined) else 0)
            for value in self.values
        )
        found = tuple(self.builder.problems.found[self.told_before :])
        self.marks.append(
            Mark(self.place, self.last, tuple(self.states), values, found)
        )
        self.next_mark = self.place + BETWEEN_MARKS

    def ended(self, tokens: Iterator[Token]) -> Iterator[Token]:
        """Those that the parser sees."""
        return without_inner_ends(tokens)

    def tokens(self) -> Iterator[Token]:
        """The words of the text, each read as the state asks that it finds.

        Of a line that was read before, as one LIV, the node is made at once: words are
        what takes long, and of one edit to the next most lines are the same.
        """
        text, keywords, states = self.text, self.tables.keywords, self.tables.states
        end, fresh = len(text), None
        while self.place < end:
            words, actions = states[self.states[-1]]
            if (
                "use" in actions
                and self.remembers
                and (line := _LINE.match(text, self.place))
            ):
                if fresh is not None:
                    self._remember(*fresh)
                if self.next_mark <= self.place < self.same_until:
                    self._mark()
                if (known := _known.get(line[0])) is not None:
                    self.values.append(known.at(self.place, self.builder.source))
                    self.states.append(actions["use"])
                    self.place, fresh = line.end(), None
                    continue
                self.builder.uses.clear()
                fresh = line[0], self.place, len(self.builder.problems.found)
            found = words.match(text, self.place)
            if found is None:
                raise Stopped
            kind, start, self.place = found.lastgroup, self.place, found.end()
            if kind is None:  # spaces
                continue
            token = Token(found.group())
            if kind == NAME and token in keywords and keywords[token] in actions:
                kind = keywords[token]
            token.type, token.start_pos, token.end_pos = kind, start, self.place
            self.last = token
            yield token

    def _remember(self, line: str, start: int, problems: int) -> None:
        """That a line is one LIV, if it was: all of it, and nothing is wrong in it."""
        if len(self.builder.uses) != 1 or len(self.builder.problems.found) != problems:
            return
        (node,) = self.builder.uses
        if (node.span.start, node.span.end) != (start, start + len(line)):
            return
        if len(_known) >= MOST_KNOWN:
            forget()
        recipe = _known[line] = Recipe(node, start)
        said = recipe.at(0, Source("", "")).said  # of a node that stands nowhere
        recipe.plain["said"] = _said.setdefault(said, said)

    def reduce(self, kind: str) -> int:
        """Completes every rule that ends before a token of this kind; the state that
        the token leads to, STUCK where it may not stand. In one piece: a long text is a
        hundred thousand of these."""
        _, rules, states, last = self.tables
        path, values, methods = self.states, self.values, self.methods
        while path[-1] != last:
            action = states[path[-1]].actions.get(kind)
            if action is None:
                return STUCK
            if action >= 0:
                return action
            origin, size, makes = rules[~action]
            method = methods[~action]
            parts = values[len(values) - size :]
            if size:
                del path[-size:], values[-size:]
            if makes == "part":
                values.append(parts[0])
            else:
                found = _flat(parts)
                values.append(found if method is None else method(found))
            path.append(states[path[-1]].actions[origin])
        return last


def last_mark(marks: list[Mark], place: int) -> Mark | None:
    """The last one that stands before a place, or at it."""
    found = bisect_right(marks, place, key=lambda mark: mark.place)
    return marks[found - 1] if found else None


def _flat(parts: list[object]) -> Inlined:
    """The parts, with those of inlined rules in their place.

    The first one's are added to, not copied: a list of n statements is made of a list
    of n - 1 and one more.
    """
    first = parts[0] if parts else None
    found = first if isinstance(first, Inlined) else Inlined(parts[:1])
    for part in parts[1:]:
        if isinstance(part, Inlined):
            found += part
        else:
            found.append(part)
    return found
