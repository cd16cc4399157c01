"""The text that all candidates learn from, read once a process."""

from starc.evolve.problem.spec import Spec
from starc.training import text
from starc.training.text import Text

_read: dict[tuple[str, int], Text] = {}


def load(spec: Spec) -> Text:
    """The text of `spec`. Raises TrainingError, OSError."""
    key = spec.data, spec.trainer.context
    if key not in _read:
        _read[key] = text.read(*key)
    return _read[key]


def install(spec: Spec, found: Text) -> None:
    """From now on `load` gives `found`: on machines that do not have the file."""
    _read[spec.data, spec.trainer.context] = found
