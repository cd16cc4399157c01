"""What `starc vendor` writes, and when it writes nothing."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

import starc
from starc.diagnostics import StarError
from starc.vendoring import lock as locks
from starc.vendoring.error import VendoringError
from starc.vendoring.options import options
from starc.vendoring.vendor import file_name

from .conftest import TEXT, Repository


def test_the_file_is_what_is_compiled_and_says_where_it_comes_from(
    repository: Repository,
) -> None:
    done = repository.vendor()
    assert done.path == repository.pkg / "small.py" and done.recorded
    emitted = starc.compile(TEXT, "small.star")
    first, rest = emitted.split("\n", 1)
    text = done.path.read_text()
    known = hashlib.sha256(TEXT.encode()).hexdigest()
    above = (
        f"{first}\n# `starc upgrade` merges your edits into what a later starc writes."
    )
    assert text.startswith(f"{above}\n# Source sha256 {known}\n")
    assert rest in text
    (name,), (record,) = zip(*locks.read(repository.pkg).items(), strict=True)
    assert (name, record.source) == ("small.py", "../small.star")
    assert (record.text, record.starc) == (TEXT, starc.__version__)
    assert record.pristine == hashlib.sha256(text.encode()).hexdigest()
    assert (repository.pkg / ".starc/small.py.pristine").read_text() == text


def test_again_changes_nothing(repository: Repository) -> None:
    repository.vendor()
    before = repository.files()
    times = [path.stat().st_mtime_ns for path in repository.pkg.rglob("*")]
    assert repository.vendor().plan.action == "current"
    assert repository.files() == before
    assert times == [path.stat().st_mtime_ns for path in repository.pkg.rglob("*")]


def test_options_are_recorded_and_kept(repository: Repository) -> None:
    repository.vendor(options=options(["prune", "fuse"], "none"))
    text = (repository.pkg / "small.py").read_text()
    said = "# Options --kernels none --no-pass fuse --no-pass prune\n"
    assert said in text and "triton" not in text
    assert repository.action() == "current"
    assert repository.vendor(options=options(["fuse"])).plan.action == "replaced"
    assert locks.read(repository.pkg)["small.py"].options == options(["fuse"])


def test_a_pass_that_is_no_more_needs_not_be_left_out(repository: Repository) -> None:
    repository.vendor(options=options(["fuse"]))
    repository.change('["fuse"]', '["fuse", "gone"]', "pkg/starc.lock")
    assert repository.states() == {"pkg/small.py": ("pristine", "stale")}
    repository.upgrade()
    assert locks.read(repository.pkg)["small.py"].options == options(["fuse"])


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("a/my-net.star", "my_net.py"),
        ("class.star", "_class.py"),
        ("3d.star", "_3d.py"),
        ("a b.c.star", "a_b_c.py"),
        ("\udcff é.star", "___.py"),
        ("x" * 300 + ".star", "x" * 200 + ".py"),
    ],
)
def test_names_that_python_imports(source: str, name: str) -> None:
    assert file_name(source) == name and name[:-3].isidentifier()


@pytest.mark.parametrize(
    "name", ["../out.py", "a/b.py", "/x.py", ".hidden.py", "net", "", ".py", "a\n.py"]
)
def test_names_that_lead_elsewhere(repository: Repository, name: str) -> None:
    if name:
        with pytest.raises(VendoringError, match="not the name of a file"):
            repository.vendor(name=name)
        assert not repository.pkg.exists()


def test_a_file_of_the_user_is_not_written_over(repository: Repository) -> None:
    repository.pkg.mkdir()
    (repository.pkg / "small.py").write_text("mine = 1\n")
    before = repository.files()
    with pytest.raises(VendoringError, match=r"small\.py: this is there.*--adopt"):
        repository.vendor()
    assert repository.files() == before
    assert repository.vendor(name="other.py").plan.action == "written"


def test_a_compiled_file_with_edits_is_adopted(repository: Repository) -> None:
    repository.pkg.mkdir()
    text = starc.compile(TEXT, "small.star")
    text = text.replace("import torch\n", "import torch  # mine\n")
    (repository.pkg / "small.py").write_text(text)
    assert repository.states() == {"pkg/small.py": ("unlocked",)}
    assert repository.vendor(adopt=True).plan.action == "adopted"
    kept = (repository.pkg / "small.py").read_text()
    assert set(text.split("\n")) <= set(kept.split("\n"))
    assert repository.states() == {"pkg/small.py": ("edited",)}
    repository.change("256", "300")
    assert repository.action() == "merged"
    assert "import torch  # mine\n" in (repository.pkg / "small.py").read_text()


def test_a_compiled_file_without_edits_is_recorded(repository: Repository) -> None:
    repository.pkg.mkdir()
    (repository.pkg / "small.py").write_text(starc.compile(TEXT, "small.star"))
    assert repository.vendor().plan.action == "adopted"
    assert repository.states() == {"pkg/small.py": ("pristine",)}


def test_two_sources_of_one_name(repository: Repository) -> None:
    repository.vendor()
    (repository.folder / "sub").mkdir()
    repository.write(TEXT.replace("64", "32"), "sub/small.star")
    before = repository.files()
    with pytest.raises(VendoringError, match=r"vendored from \.\./small\.star: --name"):
        repository.vendor("sub/small.star")
    assert repository.files() == before
    repository.vendor("sub/small.star", name="smaller.py")
    assert set(locks.read(repository.pkg)) == {"small.py", "smaller.py"}


def test_a_source_that_was_renamed_is_the_same_source(repository: Repository) -> None:
    repository.vendor()
    (repository.folder / "small.star").rename(repository.folder / "net.star")
    assert repository.states() == {"pkg/small.py": ("pristine", "orphaned")}
    assert repository.vendor("net.star", name="small.py").plan.action == "current"
    assert repository.states() == {"pkg/small.py": ("pristine",)}


def test_mistakes_leave_nothing_behind(repository: Repository) -> None:
    repository.write("model small { }\nbackbone { Nothing }\n")
    before = sorted(repository.folder.rglob("*"))
    with pytest.raises(StarError):
        repository.vendor()
    assert sorted(repository.folder.rglob("*")) == before


@pytest.mark.parametrize("case", ["file", "no parent", "link as file", "link as kept"])
def test_folders_that_are_none(repository: Repository, case: str) -> None:
    outside = repository.folder / "outside"
    outside.mkdir()
    if case == "file":
        repository.pkg.write_text("")
    elif case == "no parent":
        repository.pkg = repository.folder / "no" / "pkg"
    else:
        repository.pkg.mkdir()
        kept = case == "link as kept"
        name, to = (".starc", outside) if kept else ("small.py", outside / "small.py")
        (repository.pkg / name).symlink_to(to)
    before = repository.files()
    with pytest.raises((OSError, VendoringError)):
        repository.vendor(adopt=True)
    assert repository.files() == before and not list(outside.iterdir())


def test_outside_of_the_repository_only_the_lock_has_the_source(
    repository: Repository, tmp_path: Path
) -> None:
    repository.pkg = repository.folder / "project" / "pkg"
    repository.pkg.parent.mkdir()
    (repository.pkg.parent / ".git").mkdir()
    assert not repository.vendor().recorded
    assert locks.read(repository.pkg)["small.py"].source == ""
    repository.change("64", "32")
    assert list(repository.states().values()) == [("pristine",)]
    assert repository.vendor().plan.action == "replaced"


def test_the_same_bytes_every_time(repository: Repository) -> None:
    repository.vendor()
    first = (repository.pkg / "small.py").read_bytes()
    repository.pkg = repository.folder / "other"
    repository.vendor()
    assert (repository.pkg / "small.py").read_bytes() == first


@pytest.mark.parametrize(
    "command",
    [
        ["black", "--quiet"],
        ["ruff", "format", "--quiet", "--isolated"],
        ["ruff", "check", "--quiet", "--isolated", "--select", "F,E501,I", "--fix"],
    ],
    ids=" ".join,
)
def test_formatters_leave_it_pristine(
    repository: Repository, command: list[str]
) -> None:
    path = repository.vendor().path
    done = subprocess.run(
        [sys.executable, "-m", *command, str(path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert repository.states() == {"pkg/small.py": ("pristine",)}
