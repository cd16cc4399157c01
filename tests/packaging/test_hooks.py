"""The hooks before a commit run what `make check` runs."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_the_hooks_run_what_make_check_runs() -> None:
    makefile = (ROOT / "Makefile").read_text()
    recipe = re.search(r"^check: .*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    assert recipe
    checks = re.findall(r"^\t\$\(BIN\)/(\w+(?: check| fmt)?)", recipe[1], re.MULTILINE)
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    run = re.findall(r"entry: \.venv/bin/(\w+(?: check| fmt)?)", hooks)
    assert checks and sorted(run) == sorted(checks)
