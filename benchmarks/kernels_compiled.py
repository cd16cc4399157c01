"""What the assemblers say of every kernel file: the worst configuration for each GPU.

    make test-kernels                       # writes build/kernels/<file>-<target>.json
    python -m benchmarks.kernels_compiled   # reads those that are there

Writes benchmarks/results/kernels_compiled.json and docs/kernels_compiled.md. A file
whose reports are not there keeps the numbers it had; one that is no more loses them.
"""

import importlib.metadata
import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
REPORTS = ROOT / "build" / "kernels"
KERNELS = ROOT / "kernels"
RESULT = ROOT / "benchmarks" / "results" / "kernels_compiled.json"
PAGE = ROOT / "docs" / "kernels_compiled.md"
TARGETS = ("sm_80", "sm_90", "sm_100", "gfx942")
Row = dict[str, Any]

ABOUT = """# The kernels, compiled

Written by `python -m benchmarks.kernels_compiled` from what `make test-kernels`
compiles, without a GPU: every launch of every kernel file with each dtype, tile and
option that ships, counted as Triton tells launches apart. A cell is the most registers
of a thread / the most that is spilled / the most KiB of shared memory of a block; each
of the three may be another launch's. Spilled are bytes, stores and loads together, as
`ptxas` states them, and on gfx942 registers, as LLVM does. Limits of a block: 163 KiB
on sm_80, 227 on sm_90 and sm_100, 64 on gfx942; 255 registers a thread, 512 on gfx942.
A test fails where sm_90 spills, or where a block has more than its limit.
A `-` stands where a file has changed since `make test-kernels` last compiled it there.

"""


def of_file(rows: list[Row]) -> Row:
    """The worst of each number, and which launch spills most, if one does."""
    spilling = max(rows, key=lambda row: row["spills"])
    return {
        "launches": len(rows),
        "registers": max(row["registers"] for row in rows),
        "spilled": spilling["spills"],
        "spilling": f"{spilling['kernel']}, {spilling['call']}"
        * bool(spilling["spills"]),
        "shared": max(row["shared"] for row in rows),
    }


def gathered(reports: Path, before: Row) -> Row:
    """By file and target; `before` is what is kept where there is no report."""
    names = (
        path.stem
        for path in KERNELS.glob("*.py")
        if ' kernels_for("' in path.read_text("utf-8")
    )
    found: Row = {}
    for name in sorted(names):
        found[name] = dict(before.get(name, {}))
        for target in TARGETS:
            path = reports / f"{name}-{target}.json"
            if path.exists():
                found[name][target] = of_file(json.loads(path.read_text("utf-8")))
    return found


def page(result: Row) -> str:
    lines = [
        f"| kernels | launches | {' | '.join(TARGETS)} |",
        "|---|---|" + "---|" * 4,
    ]
    spilling = []
    for name, targets in result["files"].items():
        cells = []
        title = name.replace("_", " ")
        for target in TARGETS:
            worst = targets.get(target)
            if worst is None:
                cells.append("-")
                continue
            kib = f"{worst['shared'] / 1024:.1f}".removesuffix(".0")
            cells.append(f"{worst['registers']} / {worst['spilled']} / {kib}")
            if worst["spilled"]:
                cause = f"{worst['spilled']} | {worst['spilling']}"
                spilling.append(f"| {title} | {target} | {cause} |")
        launches = max((w["launches"] for w in targets.values()), default=0)
        lines.append(f"| {title} | {launches} | {' | '.join(cells)} |")
    text = ABOUT + f"Triton {result['triton']}.\n\n" + "\n".join(lines) + "\n"
    if spilling:
        head = ["| kernels | target | most spilled | by |", "|---|---|---|---|"]
        text += "\nWhat spills:\n\n" + "\n".join([*head, *spilling]) + "\n"
    return text


def main() -> int:
    before = json.loads(RESULT.read_text("utf-8"))["files"] if RESULT.exists() else {}
    version = re.match(r"[\d.]+", importlib.metadata.version("triton"))
    assert version
    result: Row = {"triton": version[0], "files": gathered(REPORTS, before)}
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    PAGE.write_text(page(result), encoding="utf-8")
    missing = [n for n, found in result["files"].items() if len(found) < len(TARGETS)]
    print(f"{PAGE.relative_to(ROOT)}: not all targets of {missing}" * bool(missing))
    return 0


if __name__ == "__main__":
    sys.exit(main())
