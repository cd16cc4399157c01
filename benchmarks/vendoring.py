"""How long it takes to vendor, verify and upgrade 20 files, each a process of starc.

    python -m benchmarks.vendoring [--clock wall]

The files are examples/kv_sharing.star at 20 widths. Before the upgrade every source
changes and every file is edited, so that all are compiled, merged by git and written.
On a machine that others load, `--clock cpu` counts processor time, git's included.
Writes benchmarks/results/vendoring.json.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "vendoring.json"
FILES = 20
WANTED = 2.0


def used(clock: str) -> float:
    """Seconds so far, of the clock on the wall or of the processes that have ended."""
    if clock == "wall":
        return time.perf_counter()
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def starc(folder: Path, clock: str, *arguments: str) -> float:
    """Seconds that a call takes, from the start of Python to its end."""
    start = used(clock)
    subprocess.run(
        [sys.executable, "-m", "starc", *arguments],
        check=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
    )
    return used(clock) - start


def measured(folder: Path, clock: str) -> dict[str, float]:
    """Of one repository, from nothing."""
    text = (ROOT / "examples" / "kv_sharing.star").read_text()
    sources = [folder / f"net_{number}.star" for number in range(FILES)]
    for number, source in enumerate(sources, 1):
        source.write_text(text.replace("768", str(48 * number)))
    names = [source.name for source in sources]
    found = {"vendor": starc(folder, clock, "vendor", *names, "--into", "nets")}
    found["verify"] = starc(folder, clock, "verify")
    for path in (folder / "nets").glob("*.py"):
        path.write_text(path.read_text().replace("import torch\n", "import torch  #\n"))
    for source in sources:
        source.write_text(source.read_text().replace("50_304", "1000"))
    found["upgrade"] = starc(folder, clock, "upgrade")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    clock = parser.parse_args().clock
    runs = []
    for _ in range(5):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / ".git").mkdir()
            runs.append(measured(Path(folder), clock))
    best = min(runs, key=lambda run: sum(run.values()))
    found: dict[str, Any] = {
        "machine": {
            "python": platform.python_version(),
            "cores": len(os.sched_getaffinity(0)),
            "load": round(os.getloadavg()[0], 1),
            "clock": clock,
        },
        "files": FILES,
        "seconds": {name: round(value, 2) for name, value in best.items()},
        "together": round(sum(best.values()), 2),
        "wanted": WANTED,
    }
    print(json.dumps(found, indent=2))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
