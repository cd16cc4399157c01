"""`starc scale` and `starc compare` as one calls them."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.work import PATIENCE

ROOT = Path(__file__).parents[2]
STARC = [sys.executable, "-m", "starc"]
MODEL = "model m { width = 32; vocab = 256; context = 64 }\nbackbone { SA-1 }\n"


def starc(*arguments: str | int | Path) -> "subprocess.CompletedProcess[str]":
    called = [*STARC, *map(str, arguments)]
    return subprocess.run(called, capture_output=True, text=True, cwd=ROOT)


def test_scale_writes_what_compiles(tmp_path: Path) -> None:
    large = tmp_path / "large.star"
    done = starc(
        "scale", "examples/lfm2_350m.star", "--width", 2048, "--depth", 48, "-o", large
    )
    assert done.returncode == 0, done.stderr
    assert starc("check", large).returncode == 0
    assert starc("fmt", "--check", large).returncode == 0
    assert "depth 32 to 48 by stack" in large.read_text()


def test_scale_says_what_is_wrong() -> None:
    done = starc("scale", "examples/kv_sharing.star", "--width", "1000")
    assert done.returncode == 1 and "divides by 64" in done.stderr
    assert starc("scale", "examples/zamba.star", "--by", "magic").returncode == 2
    assert starc("scale", "examples/search/tiny.star").returncode == 1


def compared(tmp_path: Path, steps: int) -> list[str]:
    text = tmp_path / "text.txt"
    text.write_bytes(bytes(range(32, 127)) * 200)
    for name in ("one", "other"):
        (tmp_path / f"{name}.star").write_text(f"# {name}\n{MODEL}")
    files = [str(tmp_path / "one.star"), str(tmp_path / "other.star")]
    recipe = ["--steps", str(steps), "--batch", "2", "--context", "16", "--seeds", "2"]
    where = ["--device", "cpu", "--data", str(text), "-o", str(tmp_path / "out")]
    return ["compare", *files, *recipe, *where]


def test_compare_gives_json(tmp_path: Path) -> None:
    done = starc(*compared(tmp_path, 2), "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [model["seeds"] for model in found["models"]] == [2, 2]
    assert found["models"][1]["difference"]["mean"] == 0.0  # one model, two comments


def test_ctrl_c_keeps_what_is_done(tmp_path: Path) -> None:
    call = compared(tmp_path, 300)
    run = subprocess.Popen(
        [*STARC, *call], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    results = tmp_path / "out" / "results"
    while not list(results.glob("*.json")) and run.poll() is None:
        time.sleep(0.02)
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=PATIENCE)
    assert run.returncode == 130, err
    kept = len(list(results.glob("*.json")))
    assert 1 <= kept < 4 and f"{kept} of 4 runs" in err
    assert "one" in out


def test_compare_refuses_what_makes_no_sense(tmp_path: Path) -> None:
    assert (
        starc("compare", "examples/zamba.star", "examples/zamba.star").returncode == 2
    )
