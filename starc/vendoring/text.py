"""Text of files as it is compared and merged, and as it stands on the disk.

An editor or git on Windows may have turned every line end into CR LF, or written a
byte order mark; a formatter may have taken off the last line end, or added some. That
is no edit: it is undone here, and done again in what is written.
"""

import hashlib
import os
from pathlib import Path

from starc.folders import Folder
from starc.values import dataclass
from starc.vendoring.error import VendoringError

LARGEST = 1 << 25
"""Bytes of a vendored file: 32 MiB, a hundred times the largest that was emitted."""

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class TextFile:
    """`text` ends its lines with LF, unless the file mixes both line ends, and ends
    with one. end: what stood there."""

    text: str
    crlf: bool = False
    bom: bool = False
    end: str = "\n"

    def encode(self, text: str) -> bytes:
        """Another text as the bytes of this file: with its line ends and its mark."""
        text = text.removesuffix("\n") + self.end
        if self.crlf:
            text = text.replace("\n", "\r\n")
        return _BOM * self.bom + text.encode()


def decode(data: bytes) -> TextFile:
    """Raises ValueError if the bytes are no text."""
    bom = data.startswith(_BOM)
    try:
        text = data.removeprefix(_BOM).decode("utf-8")
    except UnicodeDecodeError as error:
        found = f"byte {error.object[error.start]:02X} at offset {error.start}"
        raise ValueError(f"{found} is no UTF-8") from None
    if "\0" in text:
        raise ValueError("holds a NUL character, so it is no text")
    ends = text.count("\n")
    crlf = ends > 0 and text.count("\r\n") == ends
    text = text.replace("\r\n", "\n") if crlf else text
    lines = text.rstrip("\n")
    return TextFile(f"{lines}\n", crlf, bom, text[len(lines) :])


def read(folder: Path, name: str, limit: int = LARGEST) -> TextFile:
    """A file of a folder, through no link. Raises OSError, VendoringError."""
    data = read_bytes(folder, name, limit)
    try:
        return decode(data)
    except ValueError as error:
        raise VendoringError(f"{folder / name}: {error}") from None


def read_bytes(folder: Path, name: str, limit: int = LARGEST) -> bytes:
    """The same where it need not be text."""
    with os.fdopen(Folder(folder).open(name), "rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise VendoringError(f"{folder / name}: more than {limit:,} bytes")
    return data


def digest(text: str) -> str:
    """sha256 of a text with plain line ends, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()
