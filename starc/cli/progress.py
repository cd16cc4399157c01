"""That a command is at work: what and how long, and how far where the work tells.

Every command has it, so none has to know how long it takes. It comes after PATIENCE on
a terminal, and the first thing that a command says takes it away. rich is imported by
the thread that shows it, so that a short command pays nothing.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from starc import working

PATIENCE = 1.5
"""Seconds without a sign."""

REFRESH = 0.1
"""Seconds between two looks."""

_current: "_Indicator | None" = None


@contextmanager
def indicator(words: str) -> Iterator[None]:
    """While it is open, unless end() came first."""
    global _current
    if sys.stderr is not None and sys.stderr.isatty():
        _current = _Indicator(words)
        working.watch(_current.far)
        _current.start()
    try:
        yield
    finally:
        end()


def end() -> None:
    """Nothing is drawn any more, and what was is gone."""
    global _current
    if _current is not None:
        ending, _current = _current, None
        working.leave(ending.far)
        ending.over.set()
        ending.join()


class _Indicator(Thread):
    def __init__(self, words: str) -> None:
        super().__init__(daemon=True)
        self.words = words
        self.over = Event()
        self.share: float | None = None

    def far(self, share: float) -> None:
        self.share = share

    def run(self) -> None:
        if self.over.wait(PATIENCE):
            return
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            Progress,
            SpinnerColumn,
            TaskProgressColumn,
            TextColumn,
            TimeElapsedColumn,
        )

        columns = (
            SpinnerColumn("line"),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
        )
        console = Console(stderr=True, highlight=False)
        with Progress(
            *columns,
            console=console,
            transient=True,
            redirect_stdout=False,  # who writes has ended this before
            redirect_stderr=False,
        ) as bar:
            task = bar.add_task(self.words, total=None)
            bar.tasks[0].start_time = bar.get_time() - PATIENCE
            while not self.over.wait(REFRESH):
                if self.share is not None:
                    bar.update(task, completed=self.share, total=1.0)
