"""How starc starts."""

import subprocess
import sys

from .conftest import ROOT


def test_no_arguments_print_the_help() -> None:
    """Also in a process that has emptied `sys.argv`."""
    ways = [["-m", "starc"], ["-c", "import sys; sys.argv = []; import starc.__main__"]]
    for way in ways:
        done = subprocess.run([sys.executable, *way], capture_output=True, cwd=ROOT)
        assert done.returncode == 0, done.stderr.decode()
        assert b"Usage:" in done.stdout and not done.stderr
