"""Builds the playground: `make playground`.

    python -m tools.playground.build

The sources are copied from docs/playground to build/playground, where npm installs what
they need; the page is build/playground/dist, a folder that any server can serve.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from tools.playground import pack

SOURCES = pack.ROOT / "docs" / "playground"
FOLDER = pack.ROOT / "build" / "playground"
PAGE = "dist"

NO_NPM = "the playground needs npm and node: https://nodejs.org, or apt install npm"


class CannotBuild(Exception):
    """Says why."""


def build(folder: Path = FOLDER) -> Path:
    """The folder of the page. Raises CannotBuild."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        raise CannotBuild(NO_NPM)
    installed = folder / "node_modules" / ".package-lock.json"
    lock = folder / "package-lock.json"
    known = lock.read_bytes() if lock.exists() and installed.exists() else b""
    shutil.copytree(SOURCES, folder, dirs_exist_ok=True)
    if known != lock.read_bytes():
        run(folder, npm, "ci", "--no-audit", "--no-fund", "--loglevel=error")
    pack.write(folder / "data")
    run(folder, npm, "run", "--silent", "check")
    run(folder, node, "build.mjs")
    return folder / PAGE


def run(folder: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        said = (done.stdout + done.stderr)[-4000:]
        raise CannotBuild(f"{' '.join(command)} ended with {done.returncode}:\n{said}")


def main() -> None:
    try:
        page = build()
    except CannotBuild as error:
        sys.exit(f"playground: {error}")
    size = sum(path.stat().st_size for path in page.rglob("*") if path.is_file())
    print(f"{page}: {size / 1e6:.0f} MB; make playground-serve shows it in a browser")


if __name__ == "__main__":
    main()
