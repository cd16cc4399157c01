"""Tensors in files as arrays, a few rows at a time. Needs numpy.

bfloat16, which numpy does not know, is moved as 16 bits; to be computed with, it
becomes float32, as float16 does.
"""

import json
import mmap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from starc import files, working
from starc.values import dataclass
from starc.zoo.checkpoint import SIZES, Entry
from starc.zoo.error import ZooError
from starc.zoo.tensor import Shape

Array = NDArray[np.generic]

BLOCK = 1 << 20
"""Bytes that are held at once, a row at least."""

_KINDS = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    **{f"I{8 * n}": f"<i{n}" for n in (2, 4, 8)},
    **{f"U{8 * n}": f"<u{n}" for n in (2, 4, 8)},
    "BF16": "<u2",
}
FLOATS = ("F64", "F32", "F16", "BF16")


def mapped(entry: Entry) -> Array:
    """The tensor where it lies; nothing is read yet."""
    kind = np.dtype(_KINDS.get(entry.kind, "u1"))
    count = prod(entry.shape)
    array: Array = np.frombuffer(entry.mapped, kind, count, entry.start)
    return array.reshape(entry.shape)


def release(entry: Entry) -> None:
    """What was read of a tensor need not stay in memory: the file still has it."""
    if hasattr(mmap, "MADV_DONTNEED") and entry.end > entry.start:
        start = entry.start - entry.start % mmap.PAGESIZE
        entry.mapped.madvise(mmap.MADV_DONTNEED, start, entry.end - start)


def real(array: Array, kind: str) -> NDArray[np.floating]:
    """To compute with: float64 stays, everything else is float32."""
    if kind == "BF16":
        wide: NDArray[np.float32] = (array.astype("<u4") << np.uint32(16)).view("<f4")
        return wide
    found: NDArray[np.floating] = array.astype(
        "<f8" if kind == "F64" else "<f4", copy=False
    )
    return found


def rounded(array: NDArray[np.floating], kind: str) -> Array:
    """Back to how it is stored; bfloat16 to the nearest, ties to even."""
    if kind != "BF16":
        plain: Array = array.astype(_KINDS[kind], copy=False)
        return plain
    bits = array.astype("<f4", copy=False).view("<u4")
    up = ((bits >> np.uint32(16)) & np.uint32(1)) + np.uint32(0x7FFF)
    found: Array = ((bits + up) >> np.uint32(16)).astype("<u2")
    found[np.isnan(array)] = 0x7FC0
    return found


@dataclass(frozen=True)
class Output:
    """A tensor to be written. blocks: its rows, some at a time, as they are stored."""

    kind: str
    shape: Shape
    blocks: Iterable[Array]

    @property
    def size(self) -> int:
        return prod(self.shape) * SIZES[self.kind]


def joined(output: Output) -> Array:
    """The whole tensor, as it is stored."""
    parts = [np.ascontiguousarray(block).reshape(-1) for block in output.blocks]
    return np.concatenate(parts).reshape(output.shape)


def blocks(rows: int, row_bytes: int) -> Iterator[tuple[int, int]]:
    """From where to where: as many rows as a block holds."""
    step = max(1, BLOCK // max(1, row_bytes))
    for start in range(0, rows, step):
        yield start, min(rows, start + step)


def write(path: Path, outputs: Mapping[str, Output]) -> None:
    """A safetensors file, whole or not at all. OSError."""
    order: Sequence[str] = sorted(outputs, key=lambda name: -SIZES[outputs[name].kind])
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    place = 0
    for name in order:
        one = outputs[name]
        header[name] = {
            "dtype": one.kind,
            "shape": list(one.shape),
            "data_offsets": [place, place + one.size],
        }
        place += one.size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with files.replaced(path) as temporary, temporary.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name in order:
            before = file.tell()
            for block in outputs[name].blocks:
                file.write(np.ascontiguousarray(block).data)
                working.tell(file.tell() - len(text) - 8, place)
            if file.tell() - before != outputs[name].size:
                raise ZooError(f"{name}: its shape is not the one that was expected")
