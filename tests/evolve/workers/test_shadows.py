"""Files in the current folder that are called like modules of Python are not run."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
SEARCH = """
model m { width = 64; vocab = 256 }
search { pool = [GConv-1]; depth = 2; population = 2; generations = 1
  trainer = simulated }
"""


def test_no_file_of_the_current_folder_stands_in_for_python_s_own(
    tmp_path: Path,
) -> None:
    for name in sys.stdlib_module_names:
        trap = f"open({str(tmp_path / 'ran')!r}, 'a').write({name!r} + ' ')\n"
        (tmp_path / f"{name}.py").write_text(trap)
    (tmp_path / "s.star").write_text(SEARCH)
    start = "from starc.cli import main; main()"
    done = subprocess.run(
        [*(sys.executable, "-P", "-c", start), *"evolve s.star --workers 1".split()],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "ran").exists(), (tmp_path / "ran").read_text()
