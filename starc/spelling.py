"""Which known word a mistyped one was meant to be.

Letters alone mislead where words are short: MLA is no slip of the keyboard for GLA, and
`factor` none for `fraction`. So few slips are believed, fewer in a short word, and a
word that says the same in more words is looked for too: `num_heads` for `heads`.
"""

import re
from collections.abc import Iterable

_LETTERS_A_SLIP = 4
_MOST_SLIPS = 3


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that is meant, or "" where none is near enough."""
    plain, best, best_rank = _plain(word), "", (_MOST_SLIPS + 1, True)
    names = list(known)
    for name in names:
        other = _plain(name)
        most = min(_MOST_SLIPS, max(len(plain), len(other)) // _LETTERS_A_SLIP)
        if sorted(plain) == sorted(other):
            most = max(most, 1)  # two letters in the wrong order
        rank = slips(plain, other, most), plain[:1] != other[:1]
        if rank[0] <= most and rank < best_rank:
            best, best_rank = name, rank
    if best:
        return best
    longer = [
        name for name in names if _ends_with(name, word) or _ends_with(word, name)
    ]
    return longer[0] if len(longer) == 1 else ""


def slips(a: str, b: str, most: int) -> int:
    """Letters too many, too few, wrong or swapped; `most` + 1 where there are more."""
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    a, b = a[start:], b[start:]
    if abs(len(a) - len(b)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, letter in enumerate(a, 1):
        last, before, row = before, row, [i] + [most + 1] * len(b)
        for j in range(max(1, i - most), min(len(b), i + most) + 1):
            found = min(before[j], row[j - 1]) + 1
            found = min(found, before[j - 1] + (letter != b[j - 1]))
            if i > 1 and j > 1 and letter == b[j - 2] and a[i - 2] == b[j - 1]:
                found = min(found, last[j - 2] + 1)
            row[j] = found
        if min(row) > most:
            return most + 1
    return min(row[-1], most + 1)


def _plain(word: str) -> str:
    """Without what is easily left out: GConv-1, gconv_1 and GConv1 are one."""
    return re.sub("[-_]", "", word).lower()


def _ends_with(name: str, word: str) -> bool:
    return len(word) > 2 and name.lower().endswith(f"_{word.lower()}")
