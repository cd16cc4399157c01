"""What a run is asked to do; kept with its checkpoint."""

from dataclasses import asdict, dataclass, fields
from typing import Any

from starc.artefacts import ArtefactError, boolean, integer, real, string

MOST = 2**31 - 1
"""Of whatever is counted in a checkpoint, as on the command line."""

_WHOLE = {
    "steps": (0, MOST),
    "batch": (1, MOST),
    "context": (0, MOST),
    "warmup": (0, MOST),
    "seed": (0, 2**63 - 1),
    "save": (1, MOST),
    "accumulate": (1, MOST),
}
_REAL = {
    "minutes": (0, 1e9),
    "learning_rate": (0, 1e6),
    "weight_decay": (0, 1e6),
    "save_minutes": (0, 1e9),
    "held_out": (0, 0.9),
}
MOST_TOKENS = 2**31 - 1
"""Of all windows of a step together."""


class TrainingError(Exception):
    """The run cannot go on; the message says why, in words for the user."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """steps, minutes: the run ends with the first that is given and reached.

    data: a file, a folder, `-`, or "" for Python's own library. tokenizer: a
    tokenizer.json, which makes tokens of the text; "": its bytes are. batch x context:
    tokens a step. learning_rate: at the peak. warmup: steps up to it; 0: a twentieth of
    the run. accumulate: batches a step, one after the other; their gradients are
    averaged. save: steps between checkpoints; save_minutes: or minutes, 0: steps alone.
    held_out: share of the text that no step sees; 0: a twentieth, at most a mega-token.
    device: "" for a GPU where there is one. dtype: of the matrix products, "float32",
    "bfloat16", or "auto" for the faster one.
    """

    steps: int = 0
    minutes: float = 0.0
    data: str = ""
    tokenizer: str = ""
    batch: int = 16
    context: int = 0
    learning_rate: float = 1e-3
    warmup: int = 0
    seed: int = 0
    save: int = 500
    accumulate: int = 1
    save_minutes: float = 0.0
    held_out: float = 0.0
    device: str = ""
    compile: bool = False
    dtype: str = "auto"
    weight_decay: float = 0.1

    def changed(self, given: dict[str, Any]) -> "Settings":
        """These, with what was `given`: every value that is not None."""
        kept = {key: value for key, value in given.items() if value is not None}
        return Settings(**{**asdict(self), **kept})

    @staticmethod
    def read(stored: dict[str, Any]) -> "Settings":
        """From a checkpoint, whatever version of starc wrote it. ArtefactError."""
        if not isinstance(stored, dict):
            raise ArtefactError("settings is no object")
        found = {
            field.name: _checked(field.name, field.default, stored[field.name])
            for field in fields(Settings)
            if field.name in stored
        }
        settings = Settings(**found)
        if not settings.steps and not settings.minutes:
            raise ArtefactError("settings: neither steps nor minutes end the run")
        if settings.batch * settings.context > MOST_TOKENS:
            raise ArtefactError(f"settings: more than {MOST_TOKENS} tokens a step")
        return settings


def _checked(name: str, default: Any, found: Any) -> Any:
    """The value of a setting, if it is of the default's type and in its range."""
    if isinstance(default, bool):
        return boolean(found, f"settings.{name}")
    if isinstance(default, int):
        return integer(found, f"settings.{name}", *_WHOLE[name])
    if isinstance(default, float):
        return real(found, f"settings.{name}", *_REAL[name])
    return string(found, f"settings.{name}")
