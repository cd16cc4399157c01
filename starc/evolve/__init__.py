"""Architecture search: candidates, selection, training and the account of a run."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starc.evolve.views.loaded import Loaded


def load(run: str | Path) -> "Loaded":
    """The run in a folder, to be read: nothing is ever written there. RunError.

    `load("run").front()` is a pandas DataFrame: pip install 'starc[tables]'.
    """
    from starc.evolve.views.loaded import Loaded

    return Loaded(Path(run))
