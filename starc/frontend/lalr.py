"""Texts without mistakes, read by the tables of the grammar; nothing else is needed.

Lark makes the tables (tables.py), and they ship as data: to make them takes longer than
a compilation. Where a text does not fit, `Stopped` is raised, and with_mistakes.py
reads it once more to say why.
"""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from starc import resources
from starc.frontend.build import TreeBuilder
from starc.frontend.lines import without_inner_ends

END_OF_FILE = "$END"
NAME = "NAME"


class Stopped(Exception):
    """The text has a mistake, or brackets that do not match."""


class Token(str):
    """A word of the text, and its place: what the builder uses of lark's tokens."""

    __slots__ = ("type", "start_pos", "end_pos")
    type: str
    start_pos: int
    end_pos: int


class Inlined(list[object]):
    """What a rule without a node matched: parts of the rule around."""


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
    rules = (Rule(*rule) for rule in found["rules"])
    return Tables(found["keywords"], tuple(rules), tuple(states), found["last"])


def read(text: str, builder: TreeBuilder) -> Any:
    """What the builder made of the text. Raises Stopped."""
    return Reading(text, builder).run()


class Reading:
    """One pass over a text: the states that led here, and the value of each."""

    def __init__(self, text: str, builder: TreeBuilder) -> None:
        self.text, self.tables = text, tables()
        self.states: list[int] = [0]
        self.values: list[object] = []
        self.methods = [
            getattr(builder, rule.origin) if rule.makes == "node" else None
            for rule in self.tables.rules
        ]

    def run(self) -> Any:
        for token in without_inner_ends(self.tokens()):
            state = self.reduce(token.type)
            self.states.append(state)
            self.values.append(token)
        self.reduce(END_OF_FILE)
        return self.values[-1]

    def tokens(self) -> Iterator[Token]:
        """The words of the text, each read as the state asks that it finds."""
        text, keywords, states = self.text, self.tables.keywords, self.tables.states
        place, end = 0, len(text)
        while place < end:
            words, actions = states[self.states[-1]]
            found = words.match(text, place)
            if found is None:
                raise Stopped
            kind, start, place = found.lastgroup, place, found.end()
            if kind is None:  # spaces
                continue
            token = Token(found.group())
            if kind == NAME and token in keywords and keywords[token] in actions:
                kind = keywords[token]
            token.type, token.start_pos, token.end_pos = kind, start, place
            yield token

    def reduce(self, kind: str) -> int:
        """Completes every rule that ends before a token of this kind; the state that
        the token leads to. In one piece: a long text is a hundred thousand of these."""
        _, rules, states, last = self.tables
        path, values, methods = self.states, self.values, self.methods
        while path[-1] != last:
            action = states[path[-1]].actions.get(kind)
            if action is None:
                raise Stopped
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
