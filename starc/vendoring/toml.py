"""TOML, written: the standard library only reads it."""

from collections.abc import Mapping, Sequence

_SHORT = {"\\": "\\\\", '"': '\\"', "\t": "\\t", "\r": "\\r", "\n": "\\n"}

Value = str | int | Sequence[str]


def table(name: str, values: Mapping[str, Value]) -> str:
    """`[name]` and its fields; `name` is written as it is."""
    lines = [f"{key} = {value(found)}" for key, found in values.items()]
    return "\n".join([f"[{name}]", *lines]) + "\n"


def value(found: Value) -> str:
    """A number, a string or a list of strings; a string with line ends as its lines."""
    if isinstance(found, int):
        return str(found)
    if isinstance(found, str):
        return _lines(found) if "\n" in found else quoted(found)
    return f"[{', '.join(map(quoted, found))}]"


def quoted(text: str) -> str:
    """As a basic string."""
    return f'"{"".join(map(_escaped, text))}"'


def _lines(text: str) -> str:
    """A line of the string a line of the file, so that a change of one is seen."""
    written = "\n".join("".join(map(_escaped, line)) for line in text.split("\n"))
    return f'"""\n{written}"""'


def _escaped(character: str) -> str:
    code = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    if code < 0x20 or code == 0x7F:
        return f"\\u{code:04x}"
    return character
