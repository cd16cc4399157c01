"""Source text and places in it. Everything else in starc points back here."""

import re
from bisect import bisect_right
from dataclasses import field
from functools import cached_property

from starc.printable import printable
from starc.values import dataclass


@dataclass(frozen=True)
class Source:
    """A named text: `name` is a path, "<stdin>", or "prelude.star".

    A path may hold any character; `printable_name` is what messages and comments say.
    """

    name: str
    text: str = field(repr=False)

    @property
    def printable_name(self) -> str:
        return printable(self.name)

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(end.end() for end in re.finditer("\n", self.text))]

    def line_and_column(self, offset: int) -> tuple[int, int]:
        """The place of `offset`, both counted from 1, columns in characters."""
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of a line counted from 1, without its end."""
        start = self._line_starts[number - 1]
        end = self.text.find("\n", start)
        return self.text[start : None if end < 0 else end].rstrip("\r")

    def span(self, start: int, end: int) -> "Span":
        return Span(start, end, self)


@dataclass(frozen=True)
class Span:
    """Half-open range of characters [start, end) of a source.

    Two nodes that differ only in where they stand are equal, so nodes hold their span
    with `compare=False`.
    """

    start: int
    end: int
    source: Source = field(repr=False, compare=False)

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    @property
    def place(self) -> str:
        """As an editor takes it: `file.star:14:5`."""
        line, column = self.source.line_and_column(self.start)
        return f"{self.source.printable_name}:{line}:{column}"


NOWHERE = Span(0, 0, Source("<generated>", ""))
"""The span of nodes that no text was written for."""
