"""The folders that ship with starc as data: grammar, templates, kernels.

In a checkout they are siblings of the package, in a wheel they lie inside it.
"""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path


def read(folder: str, name: str) -> str:
    """The text of one file, such as `read("grammar", "star.lark")`."""
    return _folder(folder).joinpath(name).read_text(encoding="utf-8")


def names(folder: str) -> tuple[str, ...]:
    """The names of the files in a folder, sorted."""
    return tuple(sorted(f.name for f in _folder(folder).iterdir() if f.is_file()))


def _folder(folder: str) -> Traversable:
    installed = files("starc") / folder
    if installed.is_dir():
        return installed
    return Path(__file__).parent.parent / folder
