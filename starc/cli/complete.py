"""What a shell proposes for an argument, from what the call says already.

Each takes the other values of the call and the beginning of a word. A call that is not
finished may be wrong in any way, so whatever fails proposes nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any

Given = Mapping[str, Any]


def _proposing(
    find: Callable[[Given], Iterable[str]],
) -> Callable[[Given, str], list[str]]:
    """Of what `find` gives, the words that begin as the one at hand."""

    @wraps(find)
    def propose(given: Given, start: str) -> list[str]:
        try:
            return [word for word in find(given) if word.startswith(start)]
        except Exception:  # in the middle of a line nobody reads a message
            return []

    return propose


@_proposing
def explained(given: Given) -> Iterable[str]:
    """Codes of errors, and LIVs."""
    from starc.alphabet import prelude
    from starc.catalogue import codes

    return (*codes(), *prelude().livs)


@_proposing
def labels(given: Given) -> Iterable[str]:
    """The LIVs of FILE, as `starc show` calls them."""
    from starc import compiler, passes
    from starc.cli.streams import read_source

    model = passes.run(compiler.to_ir(read_source(given["file"])))
    return [layer.label for layer in model.layers()]


@_proposing
def runs(given: Given) -> Iterable[str]:
    """Folders of searches: here, and in `runs/`."""
    from starc.evolve.storage.database import FILE

    found = sorted([*Path().glob(f"*/{FILE}"), *Path().glob(f"runs/*/{FILE}")])
    return [path.parent.as_posix() for path in found]


@_proposing
def candidates(given: Given) -> Iterable[str]:
    """The candidates of a run's front."""
    from starc.evolve.storage.database import Database
    from starc.evolve.views import front

    return [str(row.id) for row in front.members(Database.open(Path(given["run"])))]
