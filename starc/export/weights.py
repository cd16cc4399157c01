"""The weights of an export: those of a file, checked, or new ones. Needs numpy.

Either way they are written as they come, a tensor group at a time at most.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from starc.export.architecture import Architecture
from starc.export.error import ExportError
from starc.export.remote import tensor_name
from starc.printable import printable
from starc.zoo.arrays import FLOATS, Array, Output, blocks, mapped, release
from starc.zoo.checkpoint import PICKLED, Entry, opened, place
from starc.zoo.error import ZooError

MOST_LINES = 10
"""Of what is wrong with a file that a person is told at once."""


@contextmanager
def of(
    architecture: Architecture, file: Path | None, seed: int
) -> Iterator[dict[str, Output]]:
    """By the emitted model's names; without a file they are drawn, which needs torch.

    Raises ExportError, which names the file and the tensor; OSError.
    """
    if file is None:
        from starc.export.drawn import Drawn

        yield Drawn(architecture, seed).outputs()
        return
    if file.suffix in PICKLED:
        raise ExportError(
            f"{file}: Pickled weights run code when they are read, and are not; save "
            "them as safetensors: safetensors.torch.save_file(model.state_dict(), ...)"
        )
    if file.is_dir():
        raise ExportError(f"{file}: is a folder; name the safetensors file in it")
    folder, name = place(file)
    try:
        with opened(folder, name) as entries:
            yield _checked(architecture, file, entries)
    except ZooError as error:
        raise ExportError(str(error)) from None


def _checked(
    architecture: Architecture, file: Path, entries: Mapping[str, Entry]
) -> dict[str, Output]:
    shapes = architecture.shapes()
    theirs = {tensor_name(name): name for name in shapes}
    if entries.keys() == theirs.keys():  # of a folder that `starc export` has written
        entries = {theirs[name]: entry for name, entry in entries.items()}
    wrong = [f"{name}: is not there" for name in shapes if name not in entries]
    for name, entry in entries.items():
        shown = printable(name[:80])
        if name not in shapes:
            wrong.append(f"{shown}: this model has no such tensor")
        elif entry.shape != shapes[name]:
            wrong.append(f"{shown}: is {[*entry.shape]}, not {[*shapes[name]]}")
        elif entry.kind not in FLOATS:
            wrong.append(f"{shown}: is {entry.kind}, none of {', '.join(FLOATS)}")
    if wrong:
        more = len(wrong) - MOST_LINES
        lines = [*wrong[:MOST_LINES], *([f"and {more} more"] if more > 0 else [])]
        found = f"{file}: These are weights of another model"
        if any(name.startswith("model.") for name in entries):
            lines.append(f"Of a public family? `starc import {file.parent}` reads it")
        raise ExportError("\n  ".join([found, *lines]))
    return {
        name: Output(entries[name].kind, shape, _rows(entries[name]))
        for name, shape in shapes.items()
    }


def _rows(entry: Entry) -> Iterator[Array]:
    """The rows of a tensor in a mapped file, some at a time."""
    array = mapped(entry)
    if not array.ndim:
        yield array
        return
    for start, stop in blocks(len(array), array.nbytes // max(1, len(array))):
        yield array[start:stop]
    release(entry)


def renamed(
    outputs: Mapping[str, Output], rename: Callable[[str], str]
) -> dict[str, Output]:
    return {rename(name): output for name, output in outputs.items()}
