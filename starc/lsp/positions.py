"""Places as editors count them: lines from 0, and code units of UTF-16 in a line."""

import re
from bisect import bisect_right
from functools import cached_property

from starc.values import dataclass

BOM = "\ufeff"


@dataclass
class Text:
    """A text as the editor has it, and `plain`, the same as the compiler reads it.

    plain: without a byte order mark, and with "\n" for "\r\n". Lines have the same
    numbers and columns in both, so no place has to be moved.
    """

    given: str

    @cached_property
    def plain(self) -> str:
        return self.given.removeprefix(BOM).replace("\r\n", "\n")

    @cached_property
    def line_end(self) -> str:
        """What ends its lines: that of the first one."""
        found = re.search(r"\r?\n", self.given)
        return found.group() if found else "\n"

    @cached_property
    def _starts(self) -> list[int]:
        """A lone carriage return ends a line for editors, if not for the language."""
        return [0, *(end.end() for end in re.finditer("[\r\n]", self.plain))]

    @property
    def _before(self) -> int:
        """Units of the first line that `plain` lacks."""
        return int(self.given.startswith(BOM))

    def offset(self, line: int, character: int) -> int:
        """The place in `plain`. What lies outside the text is moved to its nearest end,
        and the middle of a surrogate pair to the start of its character."""
        if line < 0:
            return 0
        if line >= len(self._starts):
            return len(self.plain)
        start = self._starts[line]
        ends = [*self._starts[line + 1 : line + 2], len(self.plain) + 1]
        content = self.plain[start : ends[0] - 1]
        units = max(character - (self._before if line == 0 else 0), 0)
        if content.isascii():
            return start + min(units, len(content))
        for count, letter in enumerate(content):
            width = 1 + (letter > "\uffff")
            if units < width:
                return start + count
            units -= width
        return start + len(content)

    def position(self, offset: int) -> tuple[int, int]:
        """Line and character of a place in `plain`."""
        offset = min(max(offset, 0), len(self.plain))
        line = bisect_right(self._starts, offset) - 1
        content = self.plain[self._starts[line] : offset]
        units = len(content)
        if not content.isascii():
            units += sum(letter > "\uffff" for letter in content)
        return line, units + (self._before if line == 0 else 0)
