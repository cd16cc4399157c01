"""Nothing in a folder leads out of it, at whatever moment it is put there."""

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from starc.artefacts import ArtefactError
from starc.folders import JSON_BYTES, Folder

Act = Callable[[Folder], object]
ACTS: dict[str, Act] = {
    "make": lambda f: f.make(),
    "holds": lambda f: f.holds("file"),
    "open": lambda f: os.close(f.open("file")),
    "append": lambda f: os.close(f.open("file", os.O_WRONLY | os.O_APPEND)),
    "create": lambda f: os.close(f.open("new", os.O_WRONLY | os.O_CREAT)),
    "read": lambda f: f.read("file", 99),
    "read_json": lambda f: f.read_json("file"),
    "write": lambda f: f.write("file", "x"),
    "rename": lambda f: f.rename("file", "other"),
    "remove": lambda f: f.remove("file"),
    "sizes": lambda f: f.sizes(),
}


@pytest.fixture
def inside(tmp_path: Path) -> Folder:
    """root/a/b with a file; beside the root, outside/b with one that must stay."""
    for folder in ("root/a/b", "outside/b"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "file").write_text("1")
    return Folder(tmp_path / "root") / "a" / "b"


def outside(inside: Folder) -> dict[str, str]:
    """All that must stay as it is."""
    folder = inside.root.parent / "outside"
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


@pytest.mark.parametrize("act", ACTS)
def test_what_is_no_link(inside: Folder, act: str) -> None:
    ACTS[act](inside)


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize("act", ACTS)
def test_a_folder_that_is_a_link(inside: Folder, act: str, level: int) -> None:
    """Whatever is done with what lies below it."""
    path = inside.root.joinpath(*inside.parts[: level + 1])
    path.rename(inside.root / "moved")
    target = inside.root.parent / "outside" / "/".join(inside.parts[1 : level + 1])
    path.symlink_to(target)
    before = outside(inside)
    try:
        found = ACTS[act](inside)
    except OSError as error:
        assert str(path) in str(error) and "link" in str(error)
    else:
        assert act == "holds" and found is False
    assert outside(inside) == before


@pytest.mark.parametrize("kind", [os.symlink, os.link])
@pytest.mark.parametrize("act", ACTS)
def test_a_file_that_is_a_link(
    inside: Folder, act: str, kind: Callable[[Path, Path], None]
) -> None:
    """It is refused, replaced or removed, and what it leads to stays."""
    (inside.path / "file").unlink()
    kind(inside.root.parent / "outside" / "b" / "file", inside.path / "file")
    before = outside(inside)
    try:
        ACTS[act](inside)
    except OSError as error:
        assert "link" in str(error)
    assert outside(inside) == before
    if act == "write":
        assert (inside.path / "file").read_text() == "x"
        assert not (inside.path / "file").is_symlink()


@pytest.mark.parametrize("part", ["..", ".", "", "a/b", "/"])
def test_names_that_are_no_names(inside: Folder, part: str) -> None:
    for act in ("make", "write", "read", "sizes"):
        with pytest.raises(OSError):
            ACTS[act](inside / part)
    with pytest.raises(OSError):
        inside.open(f"../{part}/file")


def test_pipes_and_devices_are_not_waited_for(inside: Folder) -> None:
    (inside.path / "file").unlink()
    os.mkfifo(inside.path / "file")
    for act in ("open", "append", "read", "read_json"):
        with pytest.raises(OSError, match="plain file"):
            ACTS[act](inside)


def test_a_root_that_is_gone_is_not_made_again(inside: Folder, tmp_path: Path) -> None:
    (tmp_path / "root").rename(tmp_path / "gone")
    for act in ("make", "write", "create"):
        with pytest.raises(FileNotFoundError):
            ACTS[act](inside)
    assert not (tmp_path / "root").exists()


def test_the_root_is_the_users_word(inside: Folder, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "root")
    (Folder(tmp_path / "link") / "a").write("x", "y")
    assert (tmp_path / "root" / "a" / "x").read_text() == "y"


def test_names_that_change_while_it_is_written(inside: Folder) -> None:
    """A folder is swapped for a link and back, as fast as it goes, 2,000 times."""
    here, away = inside.path, inside.root / "away"
    link = inside.root / "link"
    link.symlink_to(inside.root.parent / "outside" / "b")
    before, done, written = outside(inside), False, 0

    def swap() -> None:
        nonlocal done
        try:
            for _ in range(2_000):
                here.rename(away)
                link.rename(here)
                here.rename(link)
                away.rename(here)
        finally:
            done = True

    thread = threading.Thread(target=swap)
    thread.start()
    while not done:
        for act in ("write", "append", "create", "remove", "sizes"):
            try:
                ACTS[act](inside)
                written += 1
            except OSError as error:
                # EINVAL: what was a link when looked at, and is none when it is read
                assert error.errno in (errno.ELOOP, errno.ENOENT, errno.EINVAL)
    thread.join()
    assert written and outside(inside) == before


def test_a_write_that_fails_leaves_what_was(inside: Folder) -> None:
    with pytest.raises(KeyboardInterrupt), inside.replaced("file") as path:
        path.write_text("half")
        raise KeyboardInterrupt
    assert inside.sizes() == {"file": 1} and inside.read("file", 9) == b"1"


IO = Path("/proc/self/io")


@pytest.mark.skipif(not IO.exists(), reason="needs /proc/self/io")
def test_no_more_is_read_than_may_be(inside: Folder) -> None:
    """Of a file of a tebibyte, which is all holes."""

    def count() -> int:
        return int(IO.read_text().split()[1])  # rchar

    os.truncate(inside.path / "file", 1 << 40)
    before = count()
    with pytest.raises(ArtefactError, match="more than"):
        inside.read_json("file")
    assert count() - before <= JSON_BYTES + (1 << 16)


@pytest.mark.parametrize("name", ["", ".", "./"])
def test_the_folder_itself_is_no_file(name: str, tmp_path: Path) -> None:
    """As `starc recover ""` asks for it."""
    with pytest.raises(IsADirectoryError) as error:
        Folder(tmp_path).open(name)
    assert error.value.filename == str(tmp_path)
