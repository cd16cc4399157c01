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

    def go_on(self, other: lalr.Reading) -> None:
        """From where the other one stopped."""
        self.place, self.last, self.marks = other.place, other.last, other.marks
        self.states, self.values = other.states, other.values
        self.builder.problems.found += other.builder.problems.found

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


def read(
    source: Source,
    stopped: tuple[lalr.Reading, lalr.Token | None] | None,
    found: Problems,
) -> tuple[Found, list[lalr.Mark]]:
    """What can be read, and marks of what stands before the first mistake; mistakes
    are added to `found`, in any order.

    stopped: the reading of the text that met one, and the word that may not stand
    there; None: the brackets do not match.
    """
    everything = ast.Broken(source.span(0, len(source.text)))
    builder = TreeBuilder()
    builder.start(source, found)
    recovery = Recovery(source, found, matcher, kinds)
    reading = Reading(source.text, builder)
    if stopped is not None:
        reading.go_on(stopped[0])
    else:
        brackets = recovery.match_brackets()
        reading.text, reading.missing = brackets.text, brackets.missing
        reading.same_until = brackets.same_until
        found.found += brackets.problems.found
        reading.told_before = len(found.found)
        recovery.spoiled += empty_blocks(source)
        recovery.spoiled += [ast.Broken(source.span(*one)) for one in brackets.loose]
        if recovery.is_enough():
            return ((), (everything,)), []
    try:
        items = _to_the_end(reading, recovery, stopped and stopped[1:])
    except lalr.Stopped:  # recovery gave up
        return ((), (everything,)), reading.marks
    broken = *builder.broken, *recovery.spoiled
    return (cast(tuple[ast.Item, ...], items), broken), reading.marks


def _to_the_end(
    reading: Reading, recovery: Recovery, stop: tuple[lalr.Token | None] | None
) -> object:
    """What was read, over all mistakes. Raises Stopped where that leads nowhere.

    stop: the word that may not stand at the first one, where the reading stands there.
    """
    ended = False
    while True:
        if stop is not None:
            (token,), reading.same_until = stop, 0
            place, before = reading.place, ended
            ended = token is not None and token.type == lalr.END_OF_FILE
            if before and ended or not recovery(token, reading):
                raise lalr.Stopped(token)
            if token is None and reading.place == place:
                reading.place += 1
        try:
            return reading.run()
        except lalr.Stopped as stopped:
            stop = (stopped.token,)


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
