"""Options of the whole suite; what it could not try here, and why, at its end."""

import gc
import os
import signal
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from starc.numerals import counted

if find_spec("hypothesis"):  # a machine with a GPU may lack it
    from hypothesis import settings

    # A deadline is a time: on a slow machine it fails what is right. `make test` draws
    # the same examples of one commit each time; `make test-slow` draws new ones.
    settings.register_profile(
        "starc",
        deadline=None,
        print_blob=True,
        derandomize=not os.environ.get("STAR_TEST_NEW"),
    )
    settings.load_profile("starc")


GATHERED = os.environ.pop("STARC_SKIPPED", None)
"""Where this run gathers what it skipped; a run that a test starts is not this one."""

os.fsync = lambda fd: None
"""No test takes the power away: waiting for the disk was a tenth of their time."""

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # What a script starts in the background ignores Ctrl-C, and so would all that the
    # tests start: those of Ctrl-C would wait for their patience to end.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write what is expected anew; read the difference before you commit it",
    )


def pytest_collection_finish() -> None:
    """Seeds the processor alone where there is no other device.

    torch.manual_seed writes down the whole stack for each kind of device that may come
    to life later, which takes longer than a small model's pass.
    """
    _settle()
    torch = sys.modules.get("torch")
    if torch is not None and not torch.cuda.is_available():
        setattr(torch, "manual_seed", torch.default_generator.manual_seed)  # noqa: B010


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    if nextitem is not None and nextitem.path != item.path:
        _settle()


def _settle() -> None:
    """Leaves what is here by now out of garbage collection, which would go through it
    again and again: modules, and what tests keep. A collection took two seconds."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    """What was left out is freed after all: libraries complain of what they leak."""
    gc.unfreeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says what was skipped and why; STARC_SKIPPED names a file that gathers it.

    `make test` runs pytest twice, and shows the file last.
    """
    reasons: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", []):
        where = report.longrepr
        reason = where[2] if isinstance(where, tuple) else str(where)
        reason = reason.removeprefix("Skipped: ")
        reasons[reason] = reasons.get(reason, 0) + 1
    lines = [
        f"not tried here: {counted(number, 'test')}: {reason}"
        for reason, number in sorted(reasons.items())
    ]
    for line in lines:
        terminalreporter.write_line(line)
    if GATHERED and lines:
        with Path(GATHERED).open("a", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
