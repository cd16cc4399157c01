"""Safetensors files, one or several in a folder: opened, checked, and mapped.

Nothing of a tensor is read before somebody asks for its rows. Only this format: a
pickle runs code when it is read.
"""

import json
import mmap
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from math import prod
from pathlib import Path
from typing import Any

from starc.artefacts import ArtefactError, integer, string
from starc.folders import Folder
from starc.printable import printable
from starc.values import dataclass
from starc.zoo.error import ZooError
from starc.zoo.tensor import Shape

SIZES = {
    **dict.fromkeys(("F64", "I64", "U64"), 8),
    **dict.fromkeys(("F32", "I32", "U32"), 4),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 2),
    **dict.fromkeys(("F8_E4M3", "F8_E5M2", "I8", "U8", "BOOL"), 1),
}
"""Bytes of a number, by the format's name of its type."""

MOST_HEADER = 100_000_000
"""Bytes, as the format says."""
MOST_TENSORS = 1 << 20
MOST_FILES = 10_000
INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"
_SHARD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}\.safetensors")
PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


@dataclass(frozen=True)
class Entry:
    """A tensor in a mapped file; start and end count from the file's first byte."""

    file: str
    kind: str
    shape: Shape
    start: int
    end: int
    mapped: mmap.mmap


Tensors = Mapping[str, Entry]


@contextmanager
def opened(folder: Folder, name: str | None = None) -> Iterator[Tensors]:
    """Every tensor of a file of a folder, or of the checkpoint that is in it.

    Raises ZooError, which names the file and the field; OSError.
    """
    maps: list[mmap.mmap] = []
    try:
        if name is not None:
            yield _entries(folder, name, maps)
        else:
            yield _checkpoint(folder, maps)
    finally:
        for mapped in maps:
            with suppress(BufferError):  # an error on its way out still holds rows
                mapped.close()


def _checkpoint(folder: Folder, maps: list[mmap.mmap]) -> dict[str, Entry]:
    try:
        return _sharded(folder, maps)
    except FileNotFoundError:
        pass
    try:
        return _entries(folder, SINGLE, maps)
    except FileNotFoundError:
        pickled = [n for n in sorted(folder.sizes()) if n.endswith(PICKLED)]
        if pickled:
            raise ZooError(
                f"{printable(pickled[0])}: Pickled weights run code when they are "
                "read, and are not; save the model anew as safetensors"
            ) from None
        raise ZooError(
            f"{folder.path}: Neither {SINGLE} nor {INDEX} is there"
        ) from None


def _sharded(folder: Folder, maps: list[mmap.mmap]) -> dict[str, Entry]:
    where = folder.path / INDEX
    try:
        raw = folder.read(INDEX, MOST_HEADER)
        table = _object(raw, "the index")
        names = table.get("weight_map")
        if not isinstance(names, dict):
            raise ArtefactError("weight_map is no object")
        files = sorted({string(one, "weight_map") for one in names.values()})
        if len(files) > MOST_FILES:
            raise ArtefactError(f"weight_map has more than {MOST_FILES} files")
        for file in files:
            if not _SHARD.fullmatch(file):
                raise ArtefactError(
                    f"weight_map: {printable(file[:80])} is no name of a file here"
                )
    except ArtefactError as error:
        raise ZooError(f"{where}: {error}") from None
    found: dict[str, Entry] = {}
    for file in files:
        try:
            entries = _entries(folder, file, maps)
        except FileNotFoundError:
            told = "is not there, and the index says so"
            raise ZooError(f"{folder.path / file}: {told}") from None
        for name, entry in entries.items():
            if names.get(name) != file:
                raise ZooError(
                    f"{folder.path / file}: {printable(name[:80])} is here, and the "
                    "index says otherwise"
                )
            found[name] = entry
    for name in names.keys() - found.keys():
        raise ZooError(
            f"{folder.path / names[name]}: {printable(name[:80])} is not here, and the "
            "index says so"
        )
    return found


def _entries(folder: Folder, name: str, maps: list[mmap.mmap]) -> dict[str, Entry]:
    """The header of one file, every field checked."""
    handle = folder.open(name)
    try:
        size = os.fstat(handle).st_size
        if size < 8:
            raise ArtefactError(f"{size} bytes, so no safetensors")
        mapped = mmap.mmap(handle, size, access=mmap.ACCESS_READ)
        maps.append(mapped)
        length = int.from_bytes(mapped[:8], "little")
        if length > min(size - 8, MOST_HEADER):
            raise ArtefactError(
                "its header is longer than it: cut off, or no safetensors"
            )
        table = _object(mapped[8 : 8 + length], "the header")
        table.pop("__metadata__", None)
        if len(table) > MOST_TENSORS:
            raise ArtefactError(f"more than {MOST_TENSORS} tensors")
        return _laid_out(table, name, mapped, 8 + length, size)
    except ArtefactError as error:
        raise ZooError(f"{folder.path / name}: {error}") from None
    finally:
        os.close(handle)


def _laid_out(
    table: dict[str, Any], name: str, mapped: mmap.mmap, start: int, size: int
) -> dict[str, Entry]:
    """The tensors fill the file: in some order, without holes, to its end."""
    found = {
        key: _entry(_short(key), value, name, mapped, start, size)
        for key, value in table.items()
    }
    place = start
    for key, entry in sorted(found.items(), key=lambda pair: pair[1].start):
        if entry.start != place and entry.start != entry.end:
            raise ArtefactError(f"{_short(key)}: data_offsets leave a hole, or overlap")
        place = max(place, entry.end)
    if place != size:
        raise ArtefactError(f"{size - place} bytes more than its tensors have")
    return found


def _entry(
    key: str, value: Any, file: str, mapped: mmap.mmap, start: int, size: int
) -> Entry:
    if not isinstance(value, dict) or value.keys() != {
        "dtype",
        "shape",
        "data_offsets",
    }:
        raise ArtefactError(f"{key} is not dtype, shape and data_offsets")
    kind, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(kind, str) or kind not in SIZES:
        raise ArtefactError(f"{key}.dtype is none of {', '.join(SIZES)}")
    if not isinstance(shape, list) or len(shape) > 8:
        raise ArtefactError(f"{key}.shape is no list of at most 8 numbers")
    sides = tuple(integer(one, f"{key}.shape", 0, 1 << 40) for one in shape)
    if not isinstance(offsets, list) or len(offsets) != 2:
        raise ArtefactError(f"{key}.data_offsets are no two numbers")
    first, last = (integer(one, f"{key}.data_offsets", 0, 1 << 62) for one in offsets)
    if start + last > size:
        raise ArtefactError(f"{key} ends behind the end of the file: it is cut off")
    if last - first != prod(sides) * SIZES[kind]:
        raise ArtefactError(f"{key}: data_offsets and shape do not fit together")
    return Entry(file, kind, sides, start + first, start + last, mapped)


def _object(raw: bytes, what: str) -> dict[str, Any]:
    """A JSON object whose names are unlike one another."""

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(found)
        if len(made) != len(found):
            raise ValueError("a name stands twice")
        return made

    try:
        found = json.loads(raw.decode(), object_pairs_hook=pairs)
    except RecursionError:
        raise ArtefactError(f"{what} is nested too deep") from None
    except ValueError as error:
        raise ArtefactError(f"{what} is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise ArtefactError(f"{what} is no object")
    return found


def _short(key: str) -> str:
    return printable(key[:80])


def place(path: Path) -> tuple[Folder, str]:
    """The folder and the name of a file that a person named."""
    return Folder(path.parent), path.name
