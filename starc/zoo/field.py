"""Fields of a configuration: how each is read, and what it says of the architecture.

What is said has an address: `model.width`, `attn.heads`. Before the dot stands the
model block, or the name of a part of a layer (see family.py); after it an option of the
language. The same address read the other way gives the field its value.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from starc.artefacts import ArtefactError, boolean, integer, one_of, real
from starc.printable import printable
from starc.values import dataclass
from starc.zoo.seen import SILENT, Seen
from starc.zoo.values import Values

MOST_LAYERS = 4096
"""As of LIVs in a model of the language."""

Check = Callable[[Any, str], Any]
Default = Any
"""A value, or a function of the fields above that gives it."""


@dataclass(frozen=True)
class Field:
    """check: gives the value as it is, or raises ArtefactError.

    default: where the field is not there. null: what None means; `...`: it is refused.
    says: addresses that get the value, changed by `to` (and back by `of`).
    note: a comment for what was left out, or "".
    reason: why it says nothing of the architecture.
    older: other names of it, which have the first word.
    seen: its value in a model, where `of` is not enough.
    """

    check: Check
    default: Default = None
    null: Default = ...
    says: tuple[str, ...] = ()
    to: Callable[[Any], Any] = lambda value: value
    of: Callable[[Any], Any] = lambda value: value
    note: Callable[[str, Any], str] = lambda name, value: ""
    reason: str = ""
    older: tuple[str, ...] = ()
    seen: Callable[[Seen], Any] | None = None

    def keys(self, name: str) -> tuple[str, ...]:
        """The names in a configuration that it reads."""
        return (name, *self.older)

    def read(self, name: str, given: Mapping[str, Any], values: Values) -> Any:
        """The value, from a configuration and the fields above. ArtefactError."""
        name = next((key for key in self.older if key in given), name)
        if name not in given:
            return _of(self.default, values)
        if given[name] is None and self.null is not ...:
            return _of(self.null, values)
        return self.check(given[name], name)

    def settings(self, value: Any, values: Values) -> dict[str, Any]:
        """Address -> value of the language; None: nothing is written there."""
        return {address: self.to(value) for address in self.says}

    def back(self, seen: Seen) -> Any:
        """The value that a model has, as JSON; SILENT: any would do. Raises Unlike."""
        if self.seen is not None:
            return self.seen(seen)
        for address in self.says:
            found = seen.at(address)
            if found is not SILENT:
                return self.value_of(found)
        return SILENT

    def value_of(self, said: Any) -> Any:
        """The value that says this of the architecture: `to`, backwards."""
        if said is None:
            return SILENT if self.null is ... else None
        found = self.of(said)
        if isinstance(found, float):
            found = shortest(found, lambda value: float(self.to(value)) == said)
            if type(self.default) is int and found.is_integer():
                return int(found)
        return found


def shortest(near: float, fits: Callable[[float], bool]) -> float:
    """The number of fewest digits that is near, and fits; `near` if none does."""
    for digits in range(1, 18):
        found = float(f"{near:.{digits}g}")
        if fits(found):
            return found
    return near


def _of(default: Default, values: Values) -> Any:
    return default(values) if callable(default) else default


@dataclass(frozen=True)
class OnlyIf(Field):
    """Counts where a flag above is true; elsewhere it is None."""

    flag: str = ""

    def read(self, name: str, given: Mapping[str, Any], values: Values) -> Any:
        found = super().read(name, given, values)
        return found if values[self.flag] else None

    def back(self, seen: Seen) -> Any:
        return super().back(seen) if seen.values.get(self.flag) else SILENT


def whole(
    default: Default,
    *says: str,
    null: Default = ...,
    low: int = 1,
    high: int = 2**24,
    to: Callable[[Any], Any] = lambda value: value,
    of: Callable[[Any], Any] = lambda value: value,
    seen: Callable[[Seen], Any] | None = None,
) -> Field:
    """A whole number."""

    def check(found: Any, name: str) -> int:
        if isinstance(found, float) and found.is_integer():
            found = int(found)
        return integer(found, name, low, high)

    return Field(check, default, null, says, to, of, seen=seen)


def number(
    default: Default,
    *says: str,
    null: Default = ...,
    low: float = 0.0,
    high: float = 1e12,
    to: Callable[[Any], Any] = lambda value: value,
    of: Callable[[Any], Any] = lambda value: value,
    seen: Callable[[Seen], Any] | None = None,
) -> Field:
    """A number, whole or not."""

    def check(found: Any, name: str) -> float:
        return real(found, name, low, high)

    return Field(check, default, null, says, to, of, seen=seen)


def flag(
    default: bool,
    *says: str,
    null: Default = ...,
    seen: Callable[[Seen], Any] | None = None,
) -> Field:
    """true or false, which the language may have other words for."""

    def of(said: Any) -> bool:
        return said if isinstance(said, bool) else said != "none"

    return Field(boolean, default, null, says, of=of, seen=seen)


def word(default: str, words: Mapping[str, Any], *says: str) -> Field:
    """One of their words -> ours."""
    back = {ours: theirs for theirs, ours in reversed([*words.items()])}
    if default in words:
        back[words[default]] = default

    def check(found: Any, name: str) -> str:
        if not isinstance(found, str) or found not in words:
            raise ArtefactError(
                f"{name} = {_shown(found)}: it is none of {', '.join(words)}"
            )
        return found

    return Field(
        check,
        default,
        says=says,
        to=lambda value: words[value],
        of=lambda value: back[value],
    )


@dataclass(frozen=True)
class Only(Field):
    """A field that has to be one of some values; its default need not be one."""

    fine: tuple[Any, ...] = ()
    why: str = ""

    def read(self, name: str, given: Mapping[str, Any], values: Values) -> Any:
        found = given.get(name, self.default)
        for one in self.fine:
            if found == one and isinstance(found, bool) == isinstance(one, bool):
                return found
        raise ArtefactError(f"{name} = {_shown(found)}: {self.why}")

    def back(self, seen: Seen) -> Any:
        if self.seen is not None:
            return self.seen(seen)
        return SILENT if self.default in self.fine else self.fine[0]


def only(*fine: Any, default: Any = ..., why: str = "it has no word here") -> Only:
    """One of these values; the first is the default where no other is stated."""
    start = fine[0] if default is ... else default
    return Only(lambda found, name: found, start, fine=fine, why=why)


def in_training(default: float = 0.0) -> Field:
    """A dropout: it is not there when a model is used, and starc's models have none."""

    def note(name: str, value: float) -> str:
        return f"{name} {value:g} is of training, and left out" if value else ""

    return Field(
        lambda found, name: real(found, name, 0, 1),
        default,
        null=0.0,
        note=note,
        reason="dropout, which is of training",
        seen=lambda seen: 0.0 if default else SILENT,
    )


def ignored(reason: str) -> Field:
    """A field that changes no logits, whatever it is."""
    return Field(lambda found, name: None, null=None, reason=reason)


def also(field: Field, *older: str) -> Field:
    """The field, with other names that files use."""
    return replace(field, older=older)


def same_as(name: str) -> Callable[[Values], Any]:
    """A default: the value of a field above."""
    return lambda values: values[name]


def listed(found: Any, name: str, most: int = MOST_LAYERS) -> list[Any]:
    """A list that is not too long."""
    if not isinstance(found, list):
        raise ArtefactError(f"{name} is no list")
    if len(found) > most:
        raise ArtefactError(f"{name} has more than {most} entries")
    return found


def _shown(found: Any) -> str:
    """A value from outside in a message: short, and of one line."""
    text = str(found)
    return printable(text[:60]) + ("..." if len(text) > 60 else "")


def words_of(found: Any, name: str, words: Iterable[str]) -> list[str]:
    """A list of such words."""
    known = tuple(words)
    return [
        one_of(one, f"{name}[{i}]", known) for i, one in enumerate(listed(found, name))
    ]
