"""How arguments and options are declared, the kinds that they are of, and those that
several commands have.

`app.py` tells typer of them, and `plain.py` reads the plainest calls without it. An
argument that names a file is an input or an output; see starc/files.py.
"""

from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from starc import files
from starc.choices import KERNELS, OPTIONAL_PASSES
from starc.cli import complete
from starc.cli.failure import Failure

MOST = 2**31 - 1
"""Of whatever is counted: tokens, channels, steps."""

SEEDS = 2**63 - 1


def as_given(value: Any) -> Any:
    """The callback of what needs no check."""
    return value


Complete = Callable[[Any, str], Iterable[str]]


class Declared(NamedTuple):
    """An argument or option of a command, in the annotation of its parameter.

    names: `--output`, `-o`; by default made of the parameter's. low, high: of a number.
    callback: what the value becomes; raises Failure where it is wrong.
    complete: what a shell proposes, of the other values of the call and a beginning.
    """

    is_option: bool
    names: tuple[str, ...]
    metavar: str | None
    help: str
    callback: Callable[[Any], Any] = as_given
    low: float | None = None
    high: float | None = None
    complete: Complete | None = None


def option(
    *names: str,
    help: str,
    metavar: str | None = None,
    callback: Callable[[Any], Any] = as_given,
    complete: Complete | None = None,
) -> Any:
    """An option; a parameter that is bool makes it a flag."""
    return Declared(True, names, metavar, help, callback, complete=complete)


def argument(
    metavar: str,
    help: str,
    callback: Callable[[Any], Any] = as_given,
    low: float | None = None,
    high: float | None = None,
    complete: Complete | None = None,
) -> Any:
    """An argument, which has its place instead of a name."""
    return Declared(False, (), metavar, help, callback, low, high, complete)


def is_read(value: Any) -> Any:
    """The callback of every argument whose files are read: they are protected."""
    for name in value if isinstance(value, list | tuple) else [value]:
        if isinstance(name, str | Path):
            files.protect(name)
    return value


def is_written(value: Any) -> Any:
    """The callback of every option that says where to write: a Path is a folder.

    Raises Failure.
    """
    if isinstance(value, str) and not value:
        raise Failure("-o needs the name of a file")
    if isinstance(value, Path) and value.exists() and not value.is_dir():
        raise Failure(f"{value}: This is a file, and a folder is needed here")
    return value


def one_of(values: Collection[str], flag: str, help: str) -> Any:
    """An option with these values, in its help and in the error of any other."""

    def check(value: Any) -> Any:
        for given in value if isinstance(value, list | tuple) else [value]:
            if given is not None and given not in values:
                raise Failure(f"{flag} {given}: {_hint(given, values)}")
        return value

    def begun(_: Any, start: str) -> list[str]:
        return [value for value in values if value.startswith(start)]

    metavar = "|".join(values)
    return option(flag, metavar=metavar, help=help, callback=check, complete=begun)


def _hint(given: str, values: Collection[str]) -> str:
    from starc.diagnostics import did_you_mean

    near = did_you_mean(given, values)
    return f"not one of {', '.join(values)}" + (f"; {near}" if near else "")


def number(help: str, low: float = 1, high: float = MOST) -> Any:
    """An option that is a number, whole or not: never one that no tensor can have."""
    return Declared(True, (), None, help, low=low, high=high)


def input_argument(metavar: str, help: str, complete: Complete | None = None) -> Any:
    """A file or a folder that is read."""
    return argument(metavar, help, is_read, complete=complete)


def input_option(metavar: str, help: str) -> Any:
    """The same where it may be left out."""
    return option(metavar=metavar, help=help, callback=is_read)


def output_option(metavar: str, help: str) -> Any:
    """Where to write."""
    return option("--output", "-o", metavar=metavar, help=help, callback=is_written)


File = Annotated[str, input_argument("FILE", "A .star file; - is stdin.")]
Files = Annotated[list[str], input_argument("FILES...", ".star files; - is stdin.")]
Run = Annotated[Path, input_argument("RUN", "The folder of a search.", complete.runs)]
Data = Annotated[
    str | None,
    input_option(
        "PATH",
        "Text or token files; by default the source of Python's own library.",
    ),
]
Output = Annotated[str, output_option("OUT", "Where to write; - is stdout.")]
NoPass = Annotated[
    list[str] | None,
    one_of(OPTIONAL_PASSES, "--no-pass", "Leave this pass out; repeatable."),
]
Kernels = Annotated[
    str, one_of(KERNELS, "--kernels", "Of Triton; none: plain PyTorch alone.")
]
Json = Annotated[bool, option("--json", help="As JSON.")]
