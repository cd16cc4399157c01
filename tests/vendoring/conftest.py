"""A folder to vendor into, and the calls that the tests make."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from starc.source import Source
from starc.vendoring.find import find
from starc.vendoring.upgrade import Upgrade, upgrade
from starc.vendoring.vendor import Vendored, vendor
from starc.vendoring.verify import verify

TEXT = """\
model small {
  width = 64
  vocab = 256
}

backbone {
  SA-1(heads = 4)
  GMemless
}
"""
"""A source with little to compile."""


class Repository:
    """A folder with `.star` files, and `pkg` in it, where they are vendored."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.pkg = folder, folder / "pkg"
        self.write(TEXT)

    def write(self, text: str, name: str = "small.star") -> None:
        (self.folder / name).write_text(text)

    def change(self, old: str, new: str, path: str = "small.star") -> None:
        """Replaces a text in a file, as an editor does."""
        text = (self.folder / path).read_text()
        assert old in text
        (self.folder / path).write_text(text.replace(old, new, 1))

    def vendor(self, file: str = "small.star", **how: object) -> Vendored:
        source = Source(str(self.folder / file), (self.folder / file).read_text())
        return vendor(source, self.pkg, **how)  # type: ignore[arg-type]

    def states(self, *paths: Path) -> dict[str, tuple[str, ...]]:
        found = find(paths or (self.folder,))
        assert not found.problems, found.problems
        return {
            one.path.relative_to(self.folder).as_posix(): one.states
            for one in verify(found.files)
        }

    def upgrade(self, *paths: Path, dry_run: bool = False) -> list[Upgrade]:
        found = find(paths or (self.folder,))
        assert not found.problems, found.problems
        return list(upgrade(found.files, dry_run))

    def upgraded(self, *paths: Path, dry_run: bool = False) -> Upgrade:
        """Of the one file."""
        (found,) = self.upgrade(*paths, dry_run=dry_run)
        if found.problem is not None:
            raise found.problem
        return found

    def action(self, *paths: Path) -> str:
        """What the upgrade of the one file did."""
        plan = self.upgraded(*paths).plan
        assert plan is not None
        return plan.action

    def files(self) -> dict[str, bytes]:
        """Everything in the folder, links as what they say."""
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file()
        }


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    monkeypatch.chdir(tmp_path)
    yield Repository(tmp_path)
