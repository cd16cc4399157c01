"""Operators that exist in tests only, in the list beside those that ship."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from starc import operators, resources
from starc.alphabet import template_of, templates
from starc.backend import templates as backend

HERE = Path(__file__).parent / "operators"


@contextmanager
def registered(name: str, folder: Path = HERE) -> Iterator[None]:
    """`folder/name/` as a folder of starc/operators, `<name>.py.j2` in it its template.

    An operator of a folder that ships comes first where both fit a combination.
    """
    shipped, package = resources.read, operators.__path__

    def read(where: str, file: str) -> str:
        if (where, file) == ("templates", f"operators/{name}.py.j2"):
            return (folder / name / f"{name}.py.j2").read_text("utf-8")
        return shipped(where, file)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(operators, "NAMES", (*operators.NAMES, name))
        patch.setattr(operators, "__path__", [*package, str(folder)])
        patch.setattr(resources, "read", read)
        _forget()
        try:
            yield
        finally:
            patch.undo()
            _forget()


def _forget() -> None:
    for kept in (templates, template_of, backend._blocks):
        kept.cache_clear()
