"""new: a commented file to begin with."""

from pathlib import Path
from typing import Annotated

from starc import resources
from starc.choices import STARTS
from starc.cli.failure import Failure
from starc.cli.options import argument, one_of
from starc.cli.streams import say_path


def new(
    name: Annotated[
        str, argument(metavar="NAME", help="Of the model; NAME.star is written.")
    ],
    like: Annotated[str, one_of(STARTS, "--like", "What it begins as.")] = STARTS[0],
) -> None:
    """Write a small model with comments, to begin with."""
    from starc import files
    from starc.diagnostics import StarError

    path = Path(name if name.endswith(".star") else f"{name}.star")
    text = resources.read("templates", f"new/{like}.star")
    text = text.replace("model start {", f"model {path.stem} {{", 1)
    try:
        _check(text, path)
    except StarError:
        raise Failure(
            f"{path.stem}: No name of a model: letters, digits and `_`, at most 80"
        ) from None
    if path.exists():
        raise Failure(f"{path}: There is a file of this name")
    files.write_text(path, text)
    say_path(path)


def _check(text: str, path: Path) -> None:
    from starc.compiler import to_ir

    to_ir(text, str(path))
