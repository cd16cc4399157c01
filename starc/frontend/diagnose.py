"""From the place where the parser stopped to what is said there."""

import re
from collections.abc import Callable
from difflib import get_close_matches

from starc.frontend.lines import END
from starc.frontend.syntax_errors import MISTAKES, Case, Mistake
from starc.values import dataclass

BLOCKS = ("model", "backbone", "search", "liv", "featurizer")

_WORDS = {
    "NAME": "a name",
    "NUMBER": "a number",
    "RELATION": "one of <=, >=, <, > and ==",
    END: "the end of the statement",
    "$END": "the end of the file",
    "LPAR": "`(`",
    "RPAR": "`)`",
    "LSQB": "`[`",
    "RSQB": "`]`",
    "LBRACE": "`{`",
    "RBRACE": "`}`",
    "COMMA": "`,`",
    "COLON": "`:`",
    "EQUAL": "`=`",
}


@dataclass(frozen=True)
class Mishap:
    """Where the parser stopped: its state, the kind of token, the bracket around.

    All states in which a statement may begin are -1: it makes no difference whether
    it is the first of its block.
    """

    state: int
    kind: str
    around: str  # "(", "[", "{", or "" outside of all


@dataclass(frozen=True)
class Saying:
    code: str
    title: str
    label: str
    text: str
    hint: str
    repair: str = ""
    last: bool = False


class Matcher:
    """The table, indexed by where the parser stops in its examples."""

    def __init__(self, stop: Callable[[str], Mishap | None]) -> None:
        self.exact: dict[Mishap, list[tuple[Mistake, Case]]] = {}
        self.whatever: dict[tuple[int, str], list[tuple[Mistake, Case]]] = {}
        for mistake in MISTAKES:
            for case in mistake.cases:
                mishap = stop(case.wrong) if case.label else None
                if mishap is None:
                    continue
                self.exact.setdefault(mishap, []).append((mistake, case))
                if case.whatever:
                    for around in {mishap.around, ""}:
                        key = mishap.state, around
                        self.whatever.setdefault(key, []).append((mistake, case))

    def say(
        self, mishap: Mishap, line: str, found: str, accepts: set[str], joins: bool
    ) -> Saying:
        """`line` is the line of the mistake, `found` what the parser stopped at,
        `joins` whether the next line begins with `{`.
        """
        cases = [
            *self.exact.get(mishap, []),
            *self.whatever.get((mishap.state, mishap.around), []),
            # the same where another bracket is around, except where statements begin
            *(self.whatever.get((mishap.state, ""), []) if mishap.state >= 0 else []),
        ]
        fitting = [
            (mistake, case)
            for mistake, case in cases
            if (not case.when or re.search(case.when, line))
            and (case.repair != "join" or joins)
        ]
        # what is told by the line is told more exactly than what is told by the state
        for mistake, case in sorted(fitting, key=lambda c: not c[1].when):
            label = case.label.replace("{found}", found)
            hint = case.hint.replace("{found}", found)
            if case.repair == "block":
                hint = hint or _did_you_mean(found)
            return Saying(
                *(mistake.code, mistake.title, label, mistake.text, hint),
                *(case.repair, case.last),
            )
        return Saying(
            "syntax", "Not understood", f"expected {in_words(accepts)}", "", ""
        )


def in_words(accepts: set[str]) -> str:
    """`a name, a number or `}``, for the types of tokens that may come."""
    known = [word for kind, word in _WORDS.items() if kind in accepts]
    keywords = sorted(a for a in accepts if a not in _WORDS and a != "BROKEN")
    words = [f"`{keyword.lower()}`" for keyword in keywords] + known
    if len(words) == 1:
        return words[0]
    return ", ".join(words[:-1]) + " or " + words[-1]


def meant_block(word: str) -> str:
    """The kind of block that a misspelled word means, "" where none is near."""
    near = get_close_matches(word.lower()[:40], BLOCKS, n=1, cutoff=0.6)
    return near[0] if near else ""


def shorten(word: str) -> str:
    return word if len(word) <= 40 else word[:39] + "…"


def _did_you_mean(found: str) -> str:
    block = meant_block(found.strip("`"))
    return f"did you mean {block}?" if block else ""
