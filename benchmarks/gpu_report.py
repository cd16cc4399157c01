"""What a run on a GPU found: a table for people, a file of JSON after each step."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Row = dict[str, Any]
HEAD = (
    f"{'kernel':26} {'pass':9} {'ms':>8} {'floor':>8} {'ratio':>6} {'asked':>6}"
    f" {'error':>8}  against"
)
DIFFERS = 0.02
"""A peer whose output is farther from ours computes something else."""


def table(rows: list[Row]) -> str:
    return "\n".join([HEAD, *map(line, rows)])


def line(row: Row) -> str:
    if "failed" in row:
        return f"{row['kernel']:26} {row['failed']}"
    asked = "-" if row["asked"] is None else f"{row['asked']:.2f}"
    error = f"{row['error']:.1e}" if "error" in row else "-"
    return (
        f"{row['kernel']:26} {row['pass']:9} {row['ms']:8.3f} {row['floor_ms']:8.3f}"
        f" {row['ratio']:6.2f} {asked:>6} {error:>8}  {'; '.join(_comparisons(row))}"
    )


def _comparisons(row: Row) -> Iterator[str]:
    if "peak_bytes" in row:
        yield f"peak {row['peak_bytes'] / 1e9:.1f} GB"
    if row.get("graph_gives_plain_tokens") is False:
        yield "THE GRAPH GIVES OTHER TOKENS"
    for name, peer in row["peers"].items():
        if "missing" in peer:
            yield f"{name}: not here"
            continue
        asked = f" (asked {peer['asked']:g})" if peer["asked"] else ""
        peak = peer.get("peak_bytes")
        memory = "" if peak is None else f", peak {peak / 1e9:.1f} GB"
        difference = peer.get("difference")
        alike = difference is None or difference <= DIFFERS  # NaN is not
        other = "" if alike else f", ANOTHER OUTPUT, {difference:.1e} from ours"
        yield f"{name} {peer['speedup']:.2f}x{asked}{memory}{other}"


def path_of(folder: Path, device: str) -> Path:
    """<folder>/nvidia_h200.json for "NVIDIA H200"."""
    name = "".join(letter if letter.isalnum() else "_" for letter in device.lower())
    return folder / f"{name}.json"


def write(path: Path, report: Row) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    beside.replace(path)
