"""Which layers are of which kind: the field `layer_types`, and what stands for it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starc.artefacts import ArtefactError
from starc.values import dataclass
from starc.zoo.field import Field, words_of
from starc.zoo.seen import Seen
from starc.zoo.values import Values

FULL, SLIDING = "full_attention", "sliding_attention"

_OLDER = {
    "attention": FULL,
    "mamba": "linear_attention",
    "full": FULL,
    "sliding": SLIDING,
}


@dataclass(frozen=True)
class LayerTypes(Field):
    """One word a layer, the first of its kind. usual: where the list is not there."""

    words: tuple[str, ...] = ()
    usual: Callable[[Values], Sequence[str]] = lambda values: ()

    def read(self, name: str, given: Mapping[str, Any], values: Values) -> list[str]:
        layers = values["num_hidden_layers"]
        if given.get(name) is None:
            return list(self.usual(values))
        older = {old: new for old, new in _OLDER.items() if new in self.words}
        found = words_of(given[name], name, (*self.words, *older))
        if len(found) != layers:
            raise ArtefactError(f"{name} has {len(found)} entries, not {layers}")
        return [older.get(word, word) for word in found]

    def back(self, seen: Seen) -> Any:
        if self.seen is not None:
            return self.seen(seen)
        return [kind.partition(" ")[0] for kind in seen.layers]


def layer_types(
    words: Sequence[str], usual: Callable[[Values], Sequence[str]]
) -> LayerTypes:
    return LayerTypes(lambda found, name: found, words=tuple(words), usual=usual)


def windowed(values: Values) -> Sequence[str]:
    """The layers of `layer_types`; a sliding one needs a window."""
    found: list[str] = values["layer_types"]
    if SLIDING in found and values["sliding_window"] is None:
        raise ArtefactError(
            "sliding_window is none, and layer_types has sliding layers"
        )
    return found


def after_dense(values: Values) -> list[str]:
    """Qwen's layers from max_window_layers on are sliding, if any is."""
    dense = values["max_window_layers"]
    sliding = values["sliding_window"] is not None
    return [
        SLIDING if sliding and depth >= dense else FULL
        for depth in range(values["num_hidden_layers"])
    ]


def every(
    period: int, otherwise: str = SLIDING, each: str = FULL
) -> Callable[[Values], list[str]]:
    """Each `period`-th layer is of the kind `each`, those between of the other."""
    return lambda values: [
        each if (depth + 1) % period == 0 else otherwise
        for depth in range(values["num_hidden_layers"])
    ]
