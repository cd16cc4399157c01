"""Text from outside, such as the name of a file, as it can be shown anywhere."""

import re
from unicodedata import category


def hidden(character: str) -> bool:
    """Whether it moves the cursor, ends a line, turns the direction, or is no text.

    All that XML cannot hold is among these, non-characters such as U+FFFE too.
    """
    code = ord(character)
    no_character = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
    return no_character or category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def printable(text: str) -> str:
    r"""One line of what can be seen; the rest is written out, `a\nb`, `\u202e`, `\xff`.

    The last is a byte that is no UTF-8 in the name of a file, which Python holds as a
    lone surrogate.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_written(c) if hidden(c) else c for c in text)


def markdown(text: str) -> str:
    """`printable`, with nothing that Markdown or HTML would take for markup."""
    return re.sub(r"([\\`*_{}\[\]()<>#|&!~$])", r"\\\1", printable(text))


def lines(text: str) -> str:
    """Several lines, each `printable`."""
    return "\n".join(map(printable, text.split("\n")))


def _written(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()
