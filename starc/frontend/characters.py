"""What to say of characters that begin no word of the language."""

import re
import unicodedata
from typing import NamedTuple

NUMBERS = (
    "Numbers are whole (50_304), decimal (1e-5, 2.5), fractions (8/3), or have a "
    "suffix for thousands, millions and billions (130M)."
)
_NAMES = (
    "Names are made of the letters a to z and A to Z, digits, `_`, and `-` between "
    "these."
)
_HINTS = {
    "+": "LIVs follow one another on lines of their own; parallel { } adds outputs",
    "*": "repeats are written `12 x { ... }`",
    "-": "a name holds its dashes without spaces: GConv-1-Diff",
    ".": "numbers begin with a digit, and a name has no parts",
    "/": "comments begin with `#`; fractions are written `8/3`",
    "!": "conditions are written with <=, >=, <, > or ==",
    "%": "shares are written as decimals or fractions: 0.5, 1/2",
    "\\": "inside ( ) and [ ] lines go on by themselves",
}
LINE_END = "a line ends with a line feed, or a carriage return and a line feed"
LINE_ENDS = "\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
_CONTROLS = {
    "\r": "CARRIAGE RETURN",
    "\v": "LINE TABULATION",
    "\f": "FORM FEED",
    "\x85": "NEXT LINE",
}  # unicodedata has no names for them
_QUOTES = "\"'`"
HIDDEN = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f\\x85\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Characters that must not occur anywhere, not even in comments.

Among them all that end a line for some reader but not for the lexer, where a comment
would hide what stands after them: only a line feed ends a line, alone or after a
carriage return.
"""


class Finding(NamedTuple):
    """The parts of a diagnostic, and how many characters it is about."""

    code: str
    title: str
    length: int
    label: str
    text: str = ""
    hint: str = ""


def describe(text: str, place: int) -> Finding:
    """Why no word begins at `place`."""
    character = text[place]
    if text.startswith(("//", "/*"), place):
        mark = text[place : place + 2]
        return Finding(
            "foreign-comment",
            "Comment of another language",
            2,
            f"`{mark}` begins no comment here",
            "A comment begins with `#` and ends with its line.",
        )
    if word := re.compile(r"-?\.?[0-9][\w.]*(?:[-+/]\w+)*").match(text, place):
        return _number(word.group())
    return Finding(
        "bad-character",
        "Unexpected character",
        1,
        name_of(character),
        _NAMES if character.isalpha() else "",
        _hint(character),
    )


def name_of(character: str) -> str:
    """``€` (U+20AC EURO SIGN)``, and for ASCII `the character` alone."""
    point = f"U+{ord(character):04X}"
    if HIDDEN.match(character):
        name = unicodedata.name(character, _CONTROLS.get(character, ""))
        return f"control character {point} {name}".rstrip()
    if character.isascii():
        return f"`{character}` is not part of the language"
    shown = f"`{character}` " if character.isprintable() else ""
    return f"{shown}({point} {unicodedata.name(character, 'unnamed')})"


def _hint(character: str) -> str:
    if character in LINE_ENDS:
        return LINE_END
    if character in _HINTS:
        return _HINTS[character]
    if character in _QUOTES or unicodedata.category(character) in ("Pi", "Pf"):
        return "names and values are written without quotes"
    if meant := _look_alike(character):
        return f"it only looks like {meant}; type that instead"
    if HIDDEN.match(character) or unicodedata.category(character) == "Cf":
        return "it is invisible in most editors; delete it and type the line again"
    return ""


def _look_alike(character: str) -> str:
    """The ASCII character that one could take this for, as one names it."""
    category = unicodedata.category(character)
    if category == "Zs":
        return "a space"
    if category == "Pd" or character == "\u2212":
        return "`-`"
    if character == "\u00d7":
        return "`x`"
    plain = unicodedata.normalize("NFKC", character)
    if len(plain) == 1 and plain.isascii() and plain != character:
        return f"`{plain}`"
    return ""


def _number(word: str) -> Finding:
    hint = ""
    if count := re.fullmatch(r"([0-9_]+)x", word):
        hint = f"a repeat is written with a space: {count[1]} x {{ ... }}"
    elif re.fullmatch(r"[0-9.]+[kmb]", word):
        hint = f"suffixes are capital letters: {word.upper()}"
    elif "__" in word or word.endswith("_") or "_." in word or "._" in word:
        hint = "an underscore stands between two digits"
    elif re.fullmatch(r"-?\.[0-9]+", word):
        hint = f"write {word.replace('.', '0.')}"
    elif word.endswith("."):
        hint = f"write {word.rstrip('.')}"
    elif word.lower().startswith(("0x", "0b", "0o")):
        hint = "numbers are written in tens"
    elif re.fullmatch(r"[0-9]+[A-Za-z_][\w-]*", word):
        hint = "a name begins with a letter"
    return Finding(
        "bad-number",
        "Malformed number",
        len(word),
        "this is no number",
        NUMBERS,
        hint,
    )
