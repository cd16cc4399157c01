"""What is known of a LIV when its operator is built: stated, inherited, derived."""

from collections.abc import Mapping
from dataclasses import field
from fractions import Fraction

from starc.alphabet.option import Givens, Quantity
from starc.diagnostics import Diagnostic, Note
from starc.source import Span
from starc.values import dataclass


@dataclass(frozen=True)
class Stream:
    """What operators must know of the model: width, context, positions.

    rope: what the model says of the rotation, by the names in alphabet/rotation.py;
        None: nothing turns. positions: the model's word for them.
    """

    width: int
    context: int = 4096
    rope: Mapping[str, Quantity] | None = field(default_factory=dict)
    positions: str = "rope"


class Unfit(Exception):
    """The numbers of a LIV do not fit together; says so at its place."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        self.diagnostic = diagnostic


@dataclass(frozen=True)
class ResolvedOptions:
    """The options of one LIV: what the text states, the class settles, or a default.

    name, repeat, words: of its class; repeat is copies of k and v across the heads
        of q, words the structures that its genome names. defaults: of every option.
    span: of the use, for mistakes in what nobody states.
    """

    name: str
    repeat: int
    words: Mapping[str, str]
    defaults: Mapping[str, Quantity | None]
    stream: Stream
    span: Span
    stated: Givens

    @property
    def width(self) -> int:
        return self.stream.width

    def get(self, name: str) -> Quantity | None:
        """The value, or None where it has to be derived."""
        if name in self.stated:
            return self.stated[name].value
        return self.defaults[name]

    def whole(self, name: str) -> int:
        value = self.get(name)
        assert isinstance(value, int), name
        return value

    def maybe(self, name: str) -> int | None:
        """A whole number, None where nobody states one."""
        return None if self.get(name) is None else self.whole(name)

    def exact(self, name: str) -> Fraction:
        value = self.get(name)
        assert isinstance(value, (int, Fraction)), name
        return Fraction(value)

    def flag(self, name: str) -> bool:
        return bool(self.get(name))

    def word(self, name: str) -> str:
        value = self.get(name)
        assert isinstance(value, str), name
        return value

    def choice(self, name: str) -> str:
        """A word, "" for none."""
        return self.word(name).removeprefix("none")

    def bias_except(self, *groups: str) -> str:
        """Those of the groups whose own option is not as `bias`."""
        bias = self.flag("bias")
        own = {group: self.get(f"{group}_bias") for group in groups}
        return " ".join(g for g, said in own.items() if said not in (None, bias))

    def fail(
        self,
        code: str,
        title: str,
        name: str,
        label: str,
        text: str,
        hint: str = "",
        other: str = "",
    ) -> Unfit:
        """The error to raise, at the option `name` if the text states it.

        `other`: an option that is shown as the second place, if it is stated.
        """
        span = self.stated[name].span if name in self.stated else self.span
        notes: tuple[Note, ...] = ()
        if other in self.stated and self.stated[other].span != span:
            notes = (Note(self.stated[other].span, f"`{other}` is set here"),)
        return Unfit(Diagnostic(code, title, span, label, text, hint, notes))

    def channels(self, of: str = "expand") -> int:
        """expand, or another such ratio, x width, which must be whole."""
        found = self.exact(of) * self.width
        if found.denominator != 1:
            raise self.fail(
                "does-not-divide",
                "Not a whole number of channels",
                of,
                f"{self.exact(of)} x {self.width} is not whole",
                f"{self.name} has `{of}` times the width of the model as channels.",
            )
        return found.numerator

    def heads(self, channels: int, multiple: int = 1) -> int | None:
        """The default: heads of 64 channels, at least `multiple`, a multiple of it.

        Where the channels do not divide so, the next smaller number of heads of an even
        number of channels, so that rotary positions can turn all of them.
        """
        most = max(channels // 64, multiple)
        choices = range(most - most % multiple, 0, -multiple)
        for even in (2, 1):
            for heads in choices:
                if channels % (heads * even) == 0:
                    return heads
        return None
