"""A model built on the meta device and sharded over two processes by FSDP2."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.emitted.small import TEXTS, emitted

SCRIPT = Path(__file__).with_name("sharded.py")


@pytest.mark.slow
@pytest.mark.parametrize("name", TEXTS)
def test_two_processes_train_as_one(name: str, tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    path.write_text(emitted(name).text, encoding="utf-8")
    processes = [
        subprocess.Popen(
            [sys.executable, str(SCRIPT), str(path), str(rank), "2", f"{tmp_path}/met"],
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    said = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said[0][-3000:]
