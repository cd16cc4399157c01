"""How far a long piece of work is, told to whoever shows it.

What moves weights tells, and the command line shows: neither knows the other.
"""

from collections.abc import Callable

Watcher = Callable[[float], None]

_watchers: list[Watcher] = []


def watch(watcher: Watcher) -> None:
    """It is told from now on; share: 0 to 1, of one file or pass."""
    _watchers.append(watcher)


def leave(watcher: Watcher) -> None:
    _watchers.remove(watcher)


def tell(done: int, total: int) -> None:
    """So much of it is done, in any unit."""
    for watcher in _watchers:
        watcher(done / total if total else 1.0)
