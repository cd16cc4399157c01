"""Texts with mistakes: the parser stops, mends, skips and goes on.

The grammar says what is right; recover.py, what happens at a mistake. Texts without one
never come here: lalr.py reads them, and where it stops this goes on.
"""

from collections.abc import Iterator
from functools import cache
from typing import cast

from starc.diagnostics import Problems
from starc.frontend import ast, lalr
from starc.frontend.brackets import match
from starc.frontend.build import TreeBuilder
from starc.frontend.diagnose import Matcher, Mishap
from starc.frontend.lines import END, without_inner_ends
from starc.frontend.recover import Recovery, kinds_of_states, mishap_of
from starc.frontend.stray import empty_blocks
from starc.source import Source

Found = tuple[tuple[ast.Item, ...], tuple[ast.Broken, ...]]
"""The items of a program, and what is no syntax and was left out of them."""


class Reading(lalr.Reading):
    """Reads on after a mistake.

    missing: end of a line -> the brackets whose `}` the text lacks there.
    """

    missing: dict[int, list[int]] = {}

    def ended(self, tokens: Iterator[lalr.Token]) -> Iterator[lalr.Token]:
        for token in without_inner_ends(tokens):
            yield token
            if token.type == END and token.end_pos in self.missing:
                place = token.start_pos, token.end_pos
                for _ in self.missing.pop(token.end_pos):
                    yield lalr.Token.at("RBRACE", "}", *place)
                    yield lalr.Token.at(END, "\n", *place)

    def feed(self, kind: str, text: str, start: int, end: int) -> None:
        """A word that is not in the text. Raises Stopped where it may not stand."""
        token = lalr.Token.at(kind, text, start, end)
        state = self.reduce(kind)
        if state == lalr.STUCK:
            raise lalr.Stopped(token)
        self.states.append(state)
        self.values.append(token)

    def may_begin(self) -> bool:
        """Whether a statement may begin here."""
        return "BROKEN" in self.tables.states[self.states[-1]].actions

    def accepts(self) -> set[str]:
        """The kinds of words that may come."""
        kinds = self.tables.states[self.states[-1]].actions
        return {kind for kind in kinds if kind.isupper() and self._fits(kind)}

    def _fits(self, kind: str) -> bool:
        states, path = self.tables.states, [*self.states]
        while path[-1] != self.tables.last:
            action = states[path[-1]].actions.get(kind)
            if action is None or action >= 0:
                return action is not None
            rule = self.tables.rules[~action]
            if rule.size:
                del path[-rule.size :]
            path.append(states[path[-1]].actions[rule.origin])
        return True  # the end of the file, behind all of it


def read(source: Source, balanced: bool, found: Problems) -> Found:
    """What can be read; mistakes are added to `found`, in any order.

    balanced: the brackets match.
    """
    everything = ast.Broken(source.span(0, len(source.text)))
    builder = TreeBuilder()
    builder.start(source, found)
    recovery = Recovery(source, found, matcher, kinds)
    reading = Reading(source.text, builder)
    if not balanced:
        brackets = recovery.match_brackets()
        found.found += brackets.problems.found
        recovery.spoiled += empty_blocks(source)
        reading.text, reading.missing = brackets.text, brackets.missing
        if recovery.is_enough():
            return (), (everything,)
    try:
        items = _to_the_end(reading, recovery)
    except lalr.Stopped:  # recovery gave up
        return (), (everything,)
    broken = *builder.broken, *recovery.spoiled
    return cast(tuple[ast.Item, ...], items), broken


def _to_the_end(reading: Reading, recovery: Recovery) -> object:
    """What was read, over all mistakes. Raises Stopped where that leads nowhere."""
    ended = False
    while True:
        try:
            return reading.run()
        except lalr.Stopped as stop:
            place, before = reading.place, ended
            ended = stop.token is not None and stop.token.type == lalr.END_OF_FILE
            if before and ended or not recovery(stop.token, reading):
                raise
            if stop.token is None and reading.place == place:
                reading.place += 1


@cache
def kinds() -> dict[int, int]:
    """What the states of the parser are to a writer."""
    return kinds_of_states([state.actions for state in lalr.tables().states])


@cache
def matcher() -> Matcher:
    """Made at the first mistake, since it parses the examples, in 15 ms."""
    return Matcher(_stop)


def _stop(text: str) -> Mishap | None:
    """Where the parser stops in a wrong example."""
    builder, source = TreeBuilder(), Source("<example>", text)
    builder.start(source, Problems())
    reading = Reading(text, builder)
    try:
        reading.run()
    except lalr.Stopped as stop:
        return mishap_of(stop.token, reading, match(source, 1), kinds())
    return None
