"""Bytes to source text."""

from starc.diagnostics import Problems
from starc.frontend.parse import LARGEST
from starc.numerals import counted
from starc.source import Source

_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def load(name: str, data: bytes, problems: Problems) -> Source | None:
    """The source, without a byte order mark and with plain line ends.

    None, and a problem, where the bytes are no text that could be parsed.
    """
    if len(data) > LARGEST:
        start = Source(name, data[:80].decode("utf-8", "replace"))
        problems.add(
            "too-large",
            "File too large",
            start.span(0, 0),
            counted(len(data), "byte"),
            f"A .star file has at most {LARGEST:_} bytes.",
        )
        return None
    data = data.removeprefix(_BOM)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        _not_utf8(name, data, error, problems)
        return None
    return Source(name, text.replace("\r\n", "\n"))


def _not_utf8(
    name: str, data: bytes, error: UnicodeDecodeError, problems: Problems
) -> None:
    source = Source(name, data.decode("utf-8", "replace").replace("\r\n", "\n"))
    place = len(data[: error.start].decode("utf-8").replace("\r\n", "\n"))
    utf16 = data.startswith(_UTF16)
    problems.add(
        "not-utf8",
        "Not UTF-8",
        source.span(place, place + 1),
        f"byte {data[error.start]:02X} at offset {error.start}",
        "A .star file is text in UTF-8.",
        "this looks like UTF-16; save it as UTF-8" if utf16 else "",
    )
