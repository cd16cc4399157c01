"""A compilation from start to end, as a process of its own."""

import resource
import subprocess
import sys
from pathlib import Path

from .conftest import ROOT


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_24_livs_take_less_than_half_a_second(tmp_path: Path) -> None:
    """Processor time, since tests run side by side: on a free core it is the time."""
    command = [sys.executable, "-m", "starc", "compile"]
    command += ["examples/transformer_pp_125m.star", "-o", str(tmp_path / "model.py")]
    times = []
    for _ in range(5):
        before = cpu_seconds()
        subprocess.run(command, check=True, cwd=ROOT)
        times.append(cpu_seconds() - before)
    assert min(times) <= 0.45


def test_no_arguments_print_the_help() -> None:
    """Also in a process that has emptied `sys.argv`."""
    ways = [["-m", "starc"], ["-c", "import sys; sys.argv = []; import starc.__main__"]]
    for way in ways:
        done = subprocess.run([sys.executable, *way], capture_output=True, cwd=ROOT)
        assert done.returncode == 0, done.stderr.decode()
        assert b"Usage:" in done.stdout and not done.stderr
