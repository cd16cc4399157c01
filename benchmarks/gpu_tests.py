"""tests/triton compiled for the GPU, in processes beside this one, for so long."""

import importlib.util
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
Row = dict[str, Any]


def environment(*folders: Path) -> dict[str, str]:
    """This process's, with folders first on the path of a Python started in it."""
    path = [*map(str, folders), str(ROOT), os.environ.get("PYTHONPATH", "")]
    return dict(os.environ, PYTHONPATH=os.pathsep.join(p for p in path if p))


def command() -> list[str]:
    """Compilation fills the cores. One worker takes the tests of one group, which
    need much of the GPU's memory: not two of them at once."""
    words = [sys.executable, "-m", "pytest", "-v", "-rfE", "--tb=short", "tests/triton"]
    if importlib.util.find_spec("xdist") is not None:
        workers = max(1, min(12, (os.cpu_count() or 1) - 2))
        words += ["-n", str(workers), "--dist", "loadgroup"]
    return words


def run(seconds: float, peers: Path, log: Path, words: list[str] | None = None) -> Row:
    """What pytest counted, and the tests that failed; all that it said is in `log`.

    After `seconds` tests are skipped, which pytest counts; 30 later it is ended.
    """
    if importlib.util.find_spec("pytest") is None:
        return {"ran": False, "why": "no pytest here, nor among the wheels"}
    inside = environment(peers)
    inside |= {"STAR_TEST_DEVICE": "cuda", "STAR_TEST_ALL": "1"}
    inside |= {"STAR_TEST_UNTIL": f"{time.time() + seconds}", "PYTHONUNBUFFERED": "1"}
    start = time.monotonic()
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(
            words or command(),
            cwd=ROOT,
            env=inside,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            status: int | None = process.wait(seconds + 30)
        except subprocess.TimeoutExpired:
            status = None
            end(process)
    said = log.read_text(encoding="utf-8", errors="replace")
    return {
        "ran": True,
        "passed": status == 0,
        "ended": "by pytest" if status is not None else "here, out of time",
        "seconds": round(time.monotonic() - start, 1),
        "counts": counts(said),
        "failed": sorted(set(re.findall(r"\b(?:FAILED|ERROR) (tests/\S+)", said))),
        "tail": said[-2000:],
    }


def counts(said: str) -> dict[str, int]:
    """{"passed": 300, "skipped": 12}: of pytest's last line, or of those until then."""
    last = [line for line in said.splitlines() if re.search(r" in [\d.]+s", line)]
    kinds = "passed|failed|skipped|errors?"
    if last:
        return {k: int(n) for n, k in re.findall(rf"(\d+) ({kinds})", last[-1])}
    words = re.findall(r"\b(PASSED|FAILED|SKIPPED|ERROR)\b", said)
    return {word.lower(): words.count(word) for word in dict.fromkeys(words)}


def end(process: "subprocess.Popen[Any]") -> None:
    """It and all that it started: it leads a session of its own."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
