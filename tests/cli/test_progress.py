"""What a terminal shows of a command that takes long, and that nothing of it stays."""

import io
import os
import pty
import sys
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import IO

import pytest

from starc import working
from starc.cli import export, guard, progress, streams, zoo
from tests.work import PATIENCE

from .calls import furnish


class Screen(threading.Thread):
    """A terminal of 80 columns: what was written to it and not looked at yet."""

    def __init__(self, descriptor: int, terminal: IO[str]) -> None:
        super().__init__(daemon=True)
        self.descriptor = descriptor
        self.terminal = terminal
        self.seen = b""
        self.more = threading.Condition()

    def run(self) -> None:
        while True:
            try:
                read = os.read(self.descriptor, 4096)
            except OSError:  # Linux: the other end is closed
                return
            with self.more:
                self.seen += read
                self.more.notify()

    def until(self, words: bytes) -> bytes:
        """What is shown up to these words."""
        with self.more:
            assert self.more.wait_for(lambda: words in self.seen, PATIENCE), self.seen
            before, _, self.seen = self.seen.partition(words)
            return before + words


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Screen]:
    """What a test makes stderr: pytest has another one while it sets up."""
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("NO_COLOR", raising=False)
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w", encoding="utf-8", buffering=1) as terminal:
        found = Screen(ours, terminal)
        found.start()
        yield found
    found.join(PATIENCE)
    os.close(ours)


def showing() -> bool:
    return any(isinstance(one, progress._Indicator) for one in threading.enumerate())


def test_what_and_how_far_and_then_nothing(
    screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", screen.terminal)
    with progress.indicator("starc convert"):
        screen.until(b"starc convert")
        working.tell(1, 4)
        assert b"100%" not in screen.until(b"25%")
        streams.tell("done")
        left = screen.until(b"done")
        assert not showing()
    _, erased, after = left.rpartition(b"\x1b[2K")
    assert erased and b"convert" not in after
    assert b"\x1b[?25h" in left  # the cursor is back


@pytest.mark.parametrize("end", [KeyboardInterrupt, MemoryError, ValueError])
def test_it_is_gone_however_the_command_ends(
    screen: Screen, end: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", screen.terminal)

    def command() -> None:
        screen.until(b"starc")
        raise end

    with pytest.raises((SystemExit, ValueError)):
        guard.guarded(command)()
    sys.stderr.write("after\n")
    assert b"\x1b[?25h" in screen.until(b"after")
    assert not showing()


def test_no_colour(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", screen.terminal)
    monkeypatch.setenv("NO_COLOR", "1")
    with progress.indicator("starc convert"):
        seen = screen.until(b"0:00:0")
    assert b"\x1b[3" not in seen and b"\x1b[9" not in seen


def test_nothing_where_stderr_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    with progress.indicator("starc convert"):
        assert not showing()
    assert written.getvalue() == ""


MOVING: dict[str, Callable[[], object]] = {
    "import": lambda: zoo.import_("public", "a.star", "a.safetensors"),
    "convert": lambda: zoo.convert("public", "public.star", "b.safetensors"),
    "back": lambda: zoo.convert("a.safetensors", "public.star", "c", "public"),
    "hf": lambda: export.export("public.star", "d", weights="a.safetensors"),
    "gguf": lambda: export.export("public.star", "e", "gguf", "a.safetensors"),
}


def test_what_moves_weights_tells_how_far(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    furnish(tmp_path / "home")
    monkeypatch.chdir(tmp_path / "home")
    for name, work in MOVING.items():
        found: list[float] = []
        working.watch(found.append)
        try:
            work()
        finally:
            working.leave(found.append)
        again = sum(after < before for before, after in pairwise(found))
        assert len(found) > 2 and again <= 1, name  # gguf makes a file of weights first
        assert 0 < min(found) < found[-1] <= 1 and found[-1] > 0.9, name
