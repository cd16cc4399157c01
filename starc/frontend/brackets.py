"""Brackets and comments, found before parsing.

A wrong bracket changes the meaning of all that follows, and a parser notices late. So
brackets are matched first, reported where they are wrong, and set right for the parser:
the text keeps its length, wrong brackets become spaces, and `missing` says where `}`
must be put.
"""

import re
from bisect import bisect_left, bisect_right
from dataclasses import field

from starc.diagnostics import Note, Problems
from starc.source import Source
from starc.values import dataclass

DEEPEST = 100
MOST_ERRORS = 50
"""Mistakes after which the rest of a file is not looked at."""

_OPENING = {")": "(", "]": "[", "}": "{"}
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_MARK = re.compile(r"#[^\n]*|[][(){}]")
_NAME = r"[A-Za-z_][\w-]*"
_MARK_OR_BLOCK = re.compile(
    rf"#[^\n]*|[][(){{}}]"
    rf"|^[ \t]*(?=(?:backbone|search|model(?:[ \t]+{_NAME})?)[ \t]*\{{"
    rf"|(?:liv|featurizer)[ \t]+{_NAME}[ \t]*[={{])",
    re.MULTILINE,
)
_STOP = re.compile(r"[\n;#{}\[\]()]")


@dataclass
class Scan:
    comments: list[tuple[int, int]]
    balanced: bool
    too_deep: int | None = None  # the offset of the bracket beyond DEEPEST


def scan(text: str) -> Scan:
    """The comments, and whether brackets need a closer look: one pass, no more."""
    comments: list[tuple[int, int]] = []
    open_: list[str] = []
    balanced = True
    for mark in _MARK.finditer(text):
        first = text[mark.start()]
        if first == "#":
            comments.append(mark.span())
        elif first in _CLOSING:
            if first == "{" and open_ and open_[-1] != "{":
                balanced = False  # no block stands in a list: the list is not closed
            open_.append(first)
            if len(open_) > DEEPEST:
                return Scan(comments, False, mark.start())
        elif open_ and open_[-1] == _OPENING[first]:
            open_.pop()
        else:
            balanced = False
    return Scan(comments, balanced and not open_)


@dataclass
class Brackets:
    """The matched brackets of a text, for skipping a statement, and what was wrong.

    same_until: up to there the text is as it was, and no bracket is missing.
    """

    text: str
    same_until: int = 0
    problems: Problems = field(default_factory=Problems)
    pairs: dict[int, int] = field(default_factory=dict)  # opening -> closing
    missing: dict[int, list[int]] = field(default_factory=dict)  # place -> unclosed {
    reported: list[int] = field(default_factory=list)  # ( and [ in such statements
    loose: list[tuple[int, int]] = field(default_factory=list)
    """From a bracket that closes to one like it that closes nothing: what stands there
    may have been meant to stand inside."""
    _places: list[int] = field(default_factory=list)
    _inside: list[int] = field(default_factory=list)  # innermost open after each place
    _parent: dict[int, int] = field(default_factory=dict)  # what an opening is inside

    def statement_end(self, place: int) -> int:
        """The end of the statement that `place` is in; its brackets are skipped."""
        while (around := self._around(place)) >= 0 and self.text[around] != "{":
            place = self._after(around)
        while stop := _STOP.search(self.text, place):
            if stop.group() not in _CLOSING:
                return stop.start()
            place = self._after(stop.start())
        return len(self.text)

    def around(self, place: int) -> str:
        """The innermost bracket that is open at `place`, or ""."""
        opening = self._around(place)
        return self.text[opening] if opening >= 0 else ""

    def _around(self, place: int) -> int:
        at = bisect_left(self._places, place) - 1
        opening = self._inside[at] if at >= 0 else -1
        while opening >= 0 and self.text[opening] == " ":  # it was never closed
            opening = self._parent[opening]
        return opening

    def _after(self, opening: int) -> int:
        end = self.pairs[opening] + 1
        if end in self.missing:  # closed by what is missing there: skipped with it
            self.missing[end] = [o for o in self.missing[end] if o < opening]
            return self.text.rindex("\n", 0, end)
        return end

    def is_reported(self, start: int, end: int) -> bool:
        at = bisect_right(self.reported, start - 1)
        return at < len(self.reported) and self.reported[at] < end


def match(source: Source, most: int) -> Brackets:
    """Matches all brackets, with at most `most` problems."""
    found = _Matcher(source, _MARK, most).run()
    if found.missing:  # look again where the block may have been meant to end
        found = _Matcher(source, _MARK_OR_BLOCK, most).run()
    found.reported.sort()
    return found


class _Matcher:
    def __init__(self, source: Source, marks: "re.Pattern[str]", most: int) -> None:
        self.source, self.marks, self.most = source, marks, most
        self.result = Brackets(source.text)
        self.fixed: list[tuple[int, str]] = []
        self.open: list[int] = []

    def run(self) -> Brackets:
        result, text = self.result, self.source.text
        for mark in self.marks.finditer(text):
            place, bracket = mark.start(), text[mark.start() : mark.start() + 1]
            if len(result.problems.found) >= self.most:
                break
            if bracket == "#":
                continue
            if bracket in _CLOSING and bracket:
                if bracket == "{":
                    self._unclosed_lists(place)
                result._parent[place] = self.open[-1] if self.open else -1
                self.open.append(place)
            elif bracket in _OPENING:
                if self.open and text[self.open[-1]] == _OPENING[bracket]:
                    result.pairs[self.open.pop()] = place
                else:
                    self._close(place, bracket)
            elif self.open:
                self._unclosed(mark.end())
                place -= 1
            else:
                continue
            result._places.append(place)
            result._inside.append(self.open[-1] if self.open else -1)
        result.text += "\n"
        self._unclosed(len(result.text))
        self._fix()
        return result

    def _close(self, place: int, bracket: str) -> None:
        text, wanted = self.source.text, _OPENING[bracket]
        if bracket == "}":
            self._unclosed_lists(place)
        else:
            lists = [text[o] for o in self._open_lists()]
            if lists and wanted not in lists:  # ( closed by ]
                self._mismatch(place, bracket)
                bracket, wanted = _CLOSING[lists[-1]], lists[-1]
            while wanted in lists and text[self.open[-1]] != wanted:
                self._unclosed_list(place)
        if self.open and text[self.open[-1]] == wanted:  # after what was wrong
            self.result.pairs[self.open.pop()] = place
        else:
            self._stray(place, bracket)

    def _open_lists(self) -> list[int]:
        """The ( and [ that are open since the last {."""
        at = len(self.open)
        while at and self.source.text[self.open[at - 1]] != "{":
            at -= 1
        return self.open[at:]

    def _unclosed_lists(self, place: int) -> None:
        for _ in self._open_lists():
            self._unclosed_list(place)

    def _unclosed_list(self, place: int) -> None:
        opening = self.open.pop()
        bracket = self.source.text[opening]
        self.result.pairs[opening] = opening
        self.result.reported.append(opening)
        self.fixed.append((opening, " "))
        line_end = self.source.text.find("\n", opening)
        rest = self.source.text[opening + 1 : line_end if line_end >= 0 else None]
        code = rest.split("#")[0].rstrip()
        missing = opening + 1 + len(code)
        if not code:  # the list goes on on the lines that follow
            missing = place
        self.result.problems.add(
            "unclosed",
            f"`{bracket}` is never closed",
            self.source.span(missing, missing),
            f"`{_CLOSING[bracket]}` is missing",
            notes=(Note(self.source.span(opening, opening + 1), "opened here"),),
        )

    def _unclosed(self, end: int) -> None:
        """A new block or the end of the file comes while brackets are open."""
        self._unclosed_lists(end)
        if not self.open:
            return
        opening = self.open[-1]
        notes = [Note(self.source.span(opening, opening + 1), "opened here")]
        if suspect := self._suspect(opening):
            notes.append(suspect)
        at_end = end > len(self.source.text)
        place = len(self.source.text.rstrip()) if at_end else end
        count = len(self.open)
        self.result.problems.add(
            "unclosed",
            "`{` is never closed",
            self.source.span(place, place),
            f"{'`}`' if count == 1 else f'{count} `}}`'} missing "
            + ("at the end of the file" if at_end else "before this block"),
            notes=tuple(notes),
        )
        for opening in self.open:
            self.result.pairs[opening] = end - 1
        self.result.missing[end] = self.open
        self.open = []

    def _suspect(self, opening: int) -> Note | None:
        """A `}` inside that stands too far left for what it closes."""
        for inner, closing in self.result.pairs.items():
            if inner > opening and self.source.text[inner] == "{":
                line = self.source.line_and_column(inner)[0]
                if self._indent(closing) < self._indent(inner):
                    span = self.source.span(closing, closing + 1)
                    return Note(span, f"this closes the block of line {line}")
        return None

    def _indent(self, place: int) -> int:
        line = self.source.line(self.source.line_and_column(place)[0])
        return len(line) - len(line.lstrip())

    def _stray(self, place: int, bracket: str) -> None:
        self.fixed.append((place, " "))
        self.result.problems.add(
            "stray-bracket",
            f"`{bracket}` closes nothing",
            self.source.span(place, place + 1),
            f"no `{_OPENING[bracket]}` is open here",
        )
        text = self.source.text
        closed = text.rfind(bracket, 0, place)
        between = text[closed + 1 : place]
        alone = not between.rpartition("\n")[2].strip()  # as a long list ends
        if closed in self.result.pairs.values() and alone and "{" not in between:
            self.result.loose.append((closed, place))

    def _mismatch(self, place: int, bracket: str) -> None:
        opening = self.open[-1]
        wanted = _CLOSING[self.source.text[opening]]
        self.fixed.append((place, wanted))
        self.result.problems.add(
            "stray-bracket",
            "The wrong bracket closes",
            self.source.span(place, place + 1),
            f"expected `{wanted}`",
            notes=(Note(self.source.span(opening, opening + 1), "opened here"),),
        )

    def _fix(self) -> None:
        places = [place for place, _ in self.fixed] + [*self.result.missing]
        self.result.same_until = min(places, default=len(self.source.text))
        pieces, last = [], 0
        for place, character in sorted(self.fixed):
            pieces += [self.result.text[last:place], character]
            last = place + 1
        self.result.text = "".join(pieces) + self.result.text[last:]
