"""The options of a compilation, as a lock records them and a header shows them."""

from collections.abc import Collection
from dataclasses import replace

from starc.choices import OPTIONAL_PASSES
from starc.values import dataclass


@dataclass(frozen=True)
class Options:
    """without: passes left out, sorted. kernels: one of KERNELS."""

    without: tuple[str, ...] = ()
    kernels: str = "all"

    @property
    def today(self) -> "Options":
        """Without the passes that there are no more: they are left out anyway."""
        known = tuple(name for name in self.without if name in OPTIONAL_PASSES)
        return replace(self, without=known)

    @property
    def words(self) -> str:
        """As the command line has them; "" where none was given."""
        words = [f"--no-pass {name}" for name in self.without]
        if self.kernels != "all":
            words.insert(0, f"--kernels {self.kernels}")
        return " ".join(words)


DEFAULTS = Options()


def options(without: Collection[str] = (), kernels: str = "all") -> Options:
    """In the one order that they are recorded in."""
    return Options(tuple(sorted(set(without))), kernels)
