"""The folders that ship with starc as data: grammar, templates, kernels.

In a checkout they are siblings of the package, in a wheel they lie inside it.
"""

import os
from functools import cache

_PACKAGE = os.path.dirname(__file__)
_PLACES = (_PACKAGE, os.path.dirname(_PACKAGE))


def read(folder: str, name: str) -> str:
    """The text of one file, such as `read("grammar", "star.lark")`."""
    with open(path(folder, name), encoding="utf-8") as file:
        return file.read()


def path(folder: str, name: str) -> str:
    """Where a file lies."""
    return os.path.join(_folder(folder), name)


def checksum(folder: str, name: str) -> int:
    """Of the text of one file: another text hardly has the same."""
    from zlib import crc32

    return crc32(read(folder, name).encode())


def names(folder: str) -> tuple[str, ...]:
    """The names of the files in a folder, sorted."""
    with os.scandir(_folder(folder)) as found:
        return tuple(sorted(entry.name for entry in found if entry.is_file()))


@cache
def _folder(folder: str) -> str:
    """Its path. importlib.resources, which can look into a zip, takes ten times as
    long to import as this to read, and starc's folders are never in one."""
    found = [os.path.join(place, folder) for place in _PLACES]
    return next((path for path in found if os.path.isdir(path)), found[0])
