"""verify and upgrade, state by state: what each is called, and what becomes of it."""

import base64
import os
import random
import zlib
from pathlib import Path

import pytest

import starc
from starc.diagnostics import StarError
from starc.vendoring import lock as locks
from starc.vendoring.error import VendoringError
from starc.vendoring.find import find
from starc.vendoring.recover import recover

from .conftest import TEXT, Repository

NAME = "pkg/small.py"


def edit(repository: Repository) -> None:
    repository.change("import torch\n", "import torch  # mine\n", NAME)


def test_pristine(repository: Repository) -> None:
    repository.vendor()
    before = repository.files()
    assert repository.states() == {NAME: ("pristine",)}
    assert repository.action() == "current" and repository.files() == before


def test_edited(repository: Repository) -> None:
    repository.vendor()
    edit(repository)
    before = repository.files()
    assert repository.states() == {NAME: ("edited",)}
    assert repository.action() == "current" and repository.files() == before


def test_stale_and_pristine_is_replaced(repository: Repository) -> None:
    repository.vendor()
    repository.change("256", "300")
    assert repository.states() == {NAME: ("pristine", "stale")}
    assert repository.action() == "replaced"
    assert repository.states() == {NAME: ("pristine",)}
    assert "vocab: int = 300" in (repository.folder / NAME).read_text()


def test_stale_and_edited_is_merged(repository: Repository) -> None:
    repository.vendor()
    edit(repository)
    repository.change("256", "300")
    assert repository.states() == {NAME: ("edited", "stale")}
    assert repository.action() == "merged"
    assert repository.states() == {NAME: ("edited",)}
    text = (repository.folder / NAME).read_text()
    assert "vocab: int = 300" in text and "import torch  # mine\n" in text


def test_changes_of_the_architecture_in_words(repository: Repository) -> None:
    repository.vendor()
    assert repository.upgraded().changes == ()
    repository.change("GMemless", "GConv-1")
    changes = repository.upgraded(dry_run=True).changes
    assert len(changes) == 1 and changes[0].endswith("GConv-1 in place of GMemless")


def test_a_conflict_is_one_until_it_is_solved(repository: Repository) -> None:
    repository.vendor()
    repository.change("vocab: int = 256", "vocab: int = 257", NAME)
    repository.change("256", "300")
    found = repository.upgraded()
    assert found.plan is not None and found.plan.action == "conflict"
    text = (repository.folder / NAME).read_text()
    (line,) = found.plan.conflicts
    assert text.split("\n")[line - 1] == "<<<<<<< yours"
    assert "vocab: int = 257" in text and "vocab: int = 300" in text
    assert repository.states() == {NAME: ("edited", "conflict")}
    before = repository.files()
    with pytest.raises(VendoringError, match=f"line {line} begins a conflict"):
        repository.upgraded()
    with pytest.raises(VendoringError, match=f"line {line} begins a conflict"):
        repository.vendor(adopt=True)
    assert repository.files() == before
    head, rest = text.split("<<<<<<< yours\n")
    mine, rest = rest.split("||||||| ")
    (repository.folder / NAME).write_text(head + mine + rest.split(">>>>>>> ")[1])
    assert repository.states() == {NAME: ("edited",)}
    assert repository.action() == "current"


def test_another_version_that_writes_the_same_is_no_reason(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starc, "__version__", "0.0.9")
    monkeypatch.setattr("starc.backend.plan.__version__", "0.0.9")
    repository.vendor()
    before = repository.files()
    assert b"starc 0.0.9" in before[NAME]
    monkeypatch.undo()
    monkeypatch.chdir(repository.folder)
    assert repository.states() == {NAME: ("pristine",)}
    assert repository.action() == "current" and repository.files() == before
    repository.change("256", "300")
    assert repository.action() == "replaced"
    assert locks.read(repository.pkg)["small.py"].starc == starc.__version__


def test_a_newer_starc_is_not_undone(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starc, "__version__", "99.0.0")
    repository.vendor()
    monkeypatch.undo()
    monkeypatch.chdir(repository.folder)
    repository.change("256", "300")
    before = repository.files()
    assert repository.states() == {NAME: ("pristine", "newer")}
    with pytest.raises(VendoringError, match=r"written by starc 99\.0\.0"):
        repository.upgraded()
    with pytest.raises(VendoringError, match=r"written by starc 99\.0\.0"):
        repository.vendor()
    assert repository.files() == before


def test_orphaned_is_upgraded_from_the_lock(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.vendor()
    (repository.folder / "small.star").unlink()
    assert repository.states() == {NAME: ("pristine", "orphaned")}
    found = repository.upgraded()
    assert found.orphaned and found.plan is not None and found.plan.fine
    monkeypatch.setattr("starc.compiler.compile", lambda *_, **__: "# new\nx = 1\n")
    assert repository.states() == {NAME: ("pristine", "orphaned", "stale")}
    assert repository.action() == "replaced"
    assert "x = 1" in (repository.folder / NAME).read_text()
    assert locks.read(repository.pkg)["small.py"].source == "../small.star"


def test_a_source_with_mistakes(repository: Repository) -> None:
    repository.vendor()
    repository.change("SA-1", "AS-1")
    before = repository.files()
    assert repository.states() == {NAME: ("pristine", "stale")}
    with pytest.raises(StarError):
        repository.upgraded()
    assert repository.files() == before


def test_missing(repository: Repository) -> None:
    repository.vendor()
    (repository.folder / NAME).unlink()
    assert repository.states() == {NAME: ("missing",)}
    assert repository.states(repository.folder / NAME) == {NAME: ("missing",)}
    with pytest.raises(VendoringError, match="this is gone"):
        repository.upgraded()
    assert repository.vendor().plan.action == "written"


@pytest.mark.parametrize("to", ["pkg/other.py", "elsewhere/small.py"])
@pytest.mark.parametrize("edits", [False, True])
def test_renamed(repository: Repository, to: str, edits: bool) -> None:
    """As with `git mv`: the header says which of the missing files it is."""
    repository.vendor()
    if edits:
        edit(repository)
    (repository.folder / to).parent.mkdir(exist_ok=True)
    (repository.folder / NAME).rename(repository.folder / to)
    first = "edited" if edits else "pristine"
    assert repository.states() == {to: (first, "moved")}
    repository.change("256", "300")
    before = repository.files()
    assert "300" in repository.upgraded(dry_run=True).diff
    assert repository.files() == before
    assert repository.action() == ("merged" if edits else "replaced")
    assert repository.states() == {to: (first,)}
    new = locks.read((repository.folder / to).parent)
    assert new.keys() == {Path(to).name}
    assert new[Path(to).name].source == "../small.star"
    assert not (repository.pkg / ".starc/small.py.pristine").exists()
    if to.startswith("elsewhere"):
        assert not list(repository.pkg.iterdir())


def test_two_that_might_be_the_missing_one(repository: Repository) -> None:
    repository.vendor()
    for name in ("a.py", "b.py"):
        (repository.pkg / name).write_bytes((repository.folder / NAME).read_bytes())
    (repository.folder / NAME).unlink()
    assert repository.states() == {
        NAME: ("missing",),
        "pkg/a.py": ("unlocked",),
        "pkg/b.py": ("unlocked",),
    }


def test_a_copy_is_unlocked(repository: Repository) -> None:
    repository.vendor()
    (repository.pkg / "copy.py").write_bytes((repository.folder / NAME).read_bytes())
    assert repository.states() == {NAME: ("pristine",), "pkg/copy.py": ("unlocked",)}
    assert [one.path.name for one in repository.upgrade()] == ["small.py"]


def test_one_of_several_by_its_path(repository: Repository) -> None:
    repository.vendor()
    repository.vendor(name="other.py")
    assert repository.states(repository.folder / NAME) == {NAME: ("pristine",)}
    assert len(repository.states(repository.pkg / "starc.lock")) == 2
    assert len(repository.states()) == 2


def test_one_file_by_several_names(repository: Repository) -> None:
    repository.vendor()
    (repository.folder / "link").symlink_to("pkg")
    repository.change("256", "300")
    paths = Path("pkg"), Path("link"), repository.pkg, repository.folder / NAME
    (one,) = repository.upgrade(*paths)
    assert one.plan is not None and one.path == Path(NAME)


@pytest.mark.parametrize("name", ["gone.py", "small.star", "own.py"])
def test_paths_that_are_no_vendored_file(repository: Repository, name: str) -> None:
    repository.vendor()
    (repository.folder / "own.py").write_text("mine = 1\n")
    found = find([repository.folder / name])
    (problem,) = found.problems
    assert not found.files and name in str(problem)


def test_hidden_folders_and_environments_are_left_out(repository: Repository) -> None:
    repository.vendor()
    for name in (".hidden", "venv"):
        (repository.folder / name).mkdir()
        copy = repository.folder / name / "small.py"
        copy.write_bytes((repository.folder / NAME).read_bytes())
    (repository.folder / "venv" / "pyvenv.cfg").write_text("")
    (repository.folder / "linked").symlink_to(repository.pkg)
    assert repository.states() == {NAME: ("pristine",)}


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("edits", [False, True])
def test_line_ends_of_windows_are_no_edit_and_stay(
    repository: Repository, bom: bytes, edits: bool
) -> None:
    repository.vendor()
    if edits:
        edit(repository)
    for name in (NAME, "pkg/starc.lock", "pkg/.starc/small.py.pristine", "small.star"):
        path = repository.folder / name
        data = bom if name == NAME else b""
        path.write_bytes(data + path.read_bytes().replace(b"\n", b"\r\n"))
    first = "edited" if edits else "pristine"
    assert repository.states() == {NAME: (first,)}
    assert repository.action() == "current"
    repository.change("256", "300")
    assert repository.action() == ("merged" if edits else "replaced")
    data = (repository.folder / NAME).read_bytes()
    assert data.startswith(bom) and data.count(b"\r\n") == data.count(b"\n")
    assert b"vocab: int = 300" in data
    assert repository.states() == {NAME: (first,)}


@pytest.mark.parametrize("end", [b"", b"\n\n\n"])
def test_line_ends_at_the_end_are_no_edit_and_stay(
    repository: Repository, end: bytes
) -> None:
    repository.vendor()
    path = repository.folder / NAME
    path.write_bytes(path.read_bytes()[:-1] + end)
    repository.change("256", "300")
    assert repository.states() == {NAME: ("pristine", "stale")}
    assert repository.action() == "replaced"
    data = path.read_bytes()
    assert data == data.rstrip(b"\n") + end


def test_an_edit_that_is_no_python_is_merged_as_text(repository: Repository) -> None:
    repository.vendor()
    repository.change("import torch\n", "import torch (\n", NAME)
    repository.change("256", "300")
    assert repository.states() == {NAME: ("edited", "stale")}
    assert repository.action() == "merged"


def test_an_edit_that_is_no_text(repository: Repository) -> None:
    repository.vendor()
    path = repository.folder / NAME
    path.write_bytes(path.read_bytes() + b"\xff\n")
    assert repository.states() == {NAME: ("broken",)}
    with pytest.raises(VendoringError, match=r"byte FF at offset \d+ is no UTF-8"):
        repository.upgraded()


def test_permissions_stay(repository: Repository) -> None:
    repository.vendor()
    (repository.folder / NAME).chmod(0o640)
    repository.change("256", "300")
    assert repository.action() == "replaced"
    assert os.stat(repository.folder / NAME).st_mode & 0o777 == 0o640


def test_one_that_fails_leaves_the_others_alone(repository: Repository) -> None:
    repository.write(TEXT.replace("small", "other"), "other.star")
    for name in ("small.star", "other.star"):
        repository.vendor(name)
    repository.change("256", "nothing")
    repository.change("256", "300", "other.star")
    other, small = repository.upgrade()
    assert other.plan is not None and other.plan.action == "replaced"
    assert small.plan is None and isinstance(small.problem, StarError)


def test_mutated_files(repository: Repository) -> None:
    """Any bytes changed: the states are said, and an upgrade merges or says why not."""
    path, draw = repository.vendor().path, random.Random(3)
    whole, seen = path.read_bytes(), set()
    repository.change("256", "300")
    before = repository.files()
    for number in range(80):
        data = whole
        for _ in range(draw.randint(1, 3)):
            at = draw.choice((draw.randrange(200), draw.randrange(len(data))))
            at = draw.choice((at, len(data) - draw.randrange(900)))
            words = draw.randbytes(2), b"x", b"\n", b"# ", b"", b"\r", b"=" * 9
            data = data[:at] + draw.choice(words) + data[at + 1 :]
        path.write_bytes(data)
        (states,) = repository.states().values()
        (one,) = repository.upgrade(dry_run=True)
        if one.problem is None:
            assert one.diff and "stale" in states
        else:
            assert isinstance(one.problem, VendoringError) and states == ("broken",)
        assert recover(path) == TEXT, number
        seen |= {one.plan and one.plan.action}
    assert seen == {"merged", "conflict", None}
    path.write_bytes(whole)
    assert repository.files() == before


def test_a_source_that_unpacks_to_gigabytes(repository: Repository) -> None:
    path = repository.vendor().path
    head, tail = path.read_text().split("(zlib, base64):\n")
    packed = base64.b64encode(zlib.compress(b" " * 50_000_000, 9)).decode()
    path.write_text(f"{head}(zlib, base64):\n# {packed}\n# End of the source.\n")
    assert tail and recover(path) == TEXT
    (repository.pkg / locks.NAME).unlink()
    with pytest.raises(VendoringError, match="was lost"):
        recover(path)


def test_a_long_name_of_a_source(repository: Repository) -> None:
    """The header's first line is two lines then."""
    name = "a" * 90 + ".star"
    repository.write(TEXT, name)
    path = repository.vendor(name).path
    assert len(path.read_text().split("\n")[0]) <= 88
    path.rename(repository.pkg / "short.py")
    assert repository.states() == {"pkg/short.py": ("pristine", "moved")}


def test_recover(repository: Repository) -> None:
    """From the file alone, edited anywhere; from the lock where that is cut."""
    path = repository.vendor().path
    assert recover(path) == TEXT
    alone = repository.folder / "alone.py"
    text = path.read_text()
    alone.write_text("# licence\n\n" + text.replace("\n", "\r\n") + "\r\nmore = 1\r\n")
    assert recover(alone) == TEXT
    lines = text.split("\n")
    del lines[-4]
    path.write_text("\n".join(lines))
    assert recover(path) == TEXT
    alone.write_text("\n".join(lines))
    with pytest.raises(VendoringError, match="was lost"):
        recover(alone)
    alone.write_text(starc.compile(TEXT))
    with pytest.raises(VendoringError, match="only `starc vendor`"):
        recover(alone)
    alone.write_text("mine = 1\n")
    with pytest.raises(VendoringError, match="did not write"):
        recover(alone)
