"""From a wheel, an sdist and an editable checkout, without torch, in another folder."""

import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
FOLDERS = ("grammar", "templates", "kernels", "examples")


def run(*command: str | Path, cwd: Path) -> str:
    """What the command prints; its errors if it fails."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        [*map(str, command)], cwd=cwd, capture_output=True, text=True, env=clean
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist of this checkout and the wheel that comes out of it."""
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "-n", "--outdir", out, ROOT, cwd=out)
    return out


@pytest.fixture(scope="module")
def dependencies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of links to what starc needs as a base, and to nothing else."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    waiting, seen = list(project["dependencies"]), set[str]()
    folder = tmp_path_factory.mktemp("base")
    while waiting:
        requirement = waiting.pop()
        name = re.split(r"[^\w.-]", requirement)[0].lower()
        if name in seen or "extra ==" in requirement or "win32" in requirement:
            continue
        seen.add(name)
        try:
            found = distribution(name)
        except ModuleNotFoundError:
            continue  # of another platform or an older Python
        waiting += found.requires or []
        for top in {file.parts[0] for file in found.files or []} - {".."}:
            link = folder / top
            if not link.exists():
                link.symlink_to(str(found.locate_file(top)))
    return folder


def environment(folder: Path, wheel: Path, dependencies: Path) -> Path:
    """The `bin` of an empty environment with this wheel and the base dependencies."""
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent)
    pip = (sys.executable, "-m", "pip", "--python", folder / "bin" / "python")
    run(*pip, "install", "-q", "--no-deps", "--no-index", wheel, cwd=folder.parent)
    site = next((folder / "lib").glob("python*/site-packages"))
    (site / "base.pth").write_text(f"{dependencies}\n")
    return folder / "bin"


WHERE = "import starc; print(starc.__file__)"
EXAMPLE = """
from starc import resources
print(resources.read("examples", "lfm2_350m.star"), end="")
"""
NO_TORCH = """
from importlib.util import find_spec
assert not find_spec("torch") and not find_spec("numpy")
"""


def works(bin: Path, folder: Path) -> Path:
    """Compiles an example that came along; where the package lies."""
    python = bin / "python"
    run(python, "-c", NO_TORCH, cwd=folder)
    (folder / "example.star").write_text(run(python, "-c", EXAMPLE, cwd=folder))
    run(bin / "starc", "compile", "example.star", "-o", "model.py", cwd=folder)
    model = (folder / "model.py").read_text()
    compile(model, "model.py", "exec")
    assert "Model = " in model
    assert run(bin / "starc", "compile", "example.star", cwd=folder) == model
    assert run(bin / "starc", "genes", cwd=folder)
    return Path(run(python, "-c", WHERE, cwd=folder).strip())


def test_a_wheel_from_the_sdist(
    built: Path, dependencies: Path, tmp_path: Path
) -> None:
    (wheel,) = built.glob("*.whl")
    bin = environment(tmp_path / "venv", wheel, dependencies)
    assert works(bin, tmp_path).is_relative_to(tmp_path / "venv")


def test_an_editable_checkout(dependencies: Path, tmp_path: Path) -> None:
    build = f"from hatchling.build import *; print(build_editable({str(tmp_path)!r}))"
    name = run(sys.executable, "-c", build, cwd=ROOT).split()[-1]
    bin = environment(tmp_path / "venv", tmp_path / name, dependencies)
    assert works(bin, tmp_path) == ROOT / "starc" / "__init__.py"


def tracked(folder: str) -> set[str]:
    """The files of a folder of the checkout, as the wheel should have them."""
    return {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_the_package_and_its_folders(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    inside = {name for name in names if ".dist-info/" not in name}
    data = {f"starc/{name}" for folder in FOLDERS for name in tracked(folder)}
    assert inside == tracked("starc") | data
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_sdist_can_be_tested(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    needed = {"Makefile", "constraints.txt", "README.md", "CHANGELOG.md", "LICENSE"}
    assert needed <= names
    assert {"tests/test_guards.py", "docs/System.md", "pyproject.toml"} <= names
    assert not any("__pycache__" in name for name in names)
