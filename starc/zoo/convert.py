"""Weights from their names to ours, and back: streamed, a few rows at a time."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from starc import compiler, passes
from starc.backend.plan import make_plan
from starc.ir.compare import describe_changes
from starc.ir.identity import structure
from starc.ir.nodes import Model
from starc.ir.tensors import Key, tensors
from starc.printable import printable
from starc.source import Source
from starc.zoo.arrays import (
    FLOATS,
    Array,
    Output,
    blocks,
    mapped,
    real,
    release,
    rounded,
    write,
)
from starc.zoo.checkpoint import Entry, Tensors
from starc.zoo.error import ZooError
from starc.zoo.family import Reading
from starc.zoo.rows import Piece, Row, tensor_rows, unused
from starc.zoo.spelling import spelled_out
from starc.zoo.tensor import Shape

Where = tuple[str, int]
"""A tensor, and the first row in it."""


class Conversion:
    """Between a checkpoint of a family and the weights of a `.star` file's model.

    Raises ZooError where the file is not of the architecture of the configuration.
    """

    def __init__(self, reading: Reading, source: Source) -> None:
        self.reading = reading
        self.model = _same(reading, passes.run(compiler.to_ir(source)))
        self.rows = tensor_rows(reading, self.model)
        self.plan = make_plan(self.model, source.name, (), triton=False)
        self.ours = self.plan.weights
        self.shapes = tensors(self.model)

    # Theirs to ours -------------------------------------------------------------------

    def forward(self, theirs: Tensors, path: Path) -> None:
        """Writes the weights of the emitted model. ZooError, OSError."""
        self._check(theirs, {row.theirs: row.shape for row in self.rows})
        places: dict[Key, list[tuple[Piece, Row, int]]] = {}
        for row in self.rows:
            start = 0
            for piece in row.pieces:
                places.setdefault(piece.key, []).append((piece, row, start))
                start += piece.count
        outputs = {}
        for key, pieces in self.ours.items():
            taken = [
                (row, start, (part.count, *self.shapes[piece][1:]))
                for piece in pieces
                for part, row, start in sorted(
                    places[piece], key=lambda place: place[0].start
                )
            ]
            kind = _common(_kind(theirs[row.theirs].kind, row) for row, _, _ in taken)
            parts = [
                _Taken(theirs[row.theirs], row, start, shape)
                for row, start, shape in taken
            ]
            first = self.shapes[pieces[0]]
            shape = (sum(part.shape[0] for part in parts), *first[1:])
            outputs[key] = Output(kind, shape, _stacked(parts, kind))
        write(path, outputs)

    # Ours to theirs -------------------------------------------------------------------

    def backward(self, ours: Tensors, path: Path, folded: str = "F32") -> None:
        """Writes their checkpoint. folded: the type of tensors that held constants."""
        shapes = {
            key: (sum(self.shapes[p][0] for p in pieces), *self.shapes[pieces[0]][1:])
            for key, pieces in self.ours.items()
        }
        self._check(ours, shapes)
        places: dict[Key, Where] = {}
        for key, pieces in self.ours.items():
            start = 0
            for piece in pieces:
                places[piece] = key, start
                start += self.shapes[piece][0]
        outputs = {}
        for row in self.rows:
            kind = _common(ours[places[piece.key][0]].kind for piece in row.pieces)
            if not row.exact:
                kind = folded
            parts = []
            for part in row.pieces:
                key, start = places[part.key]
                parts.append((ours[key], start + part.start, part.count))
            outputs[row.theirs] = Output(kind, row.shape, _read_once(parts, row, kind))
        write(path, outputs)

    def _check(self, there: Tensors, expected: Mapping[str, Shape]) -> None:
        names = self.reading.family.names
        heads = [name for name, of in names.items() if of == "head.weight"]
        wrong = [f"{name}: is not there" for name in expected if name not in there]
        wrong += [
            f"{printable(name[:80])}: this model has no such tensor"
            for name in there
            if name not in expected
            and not unused(self.reading, name)
            and not (name in heads and self.model.tied)
        ]
        wrong += [
            f"{name}: is {list(there[name].shape)}, not {list(shape)}"
            for name, shape in expected.items()
            if name in there and there[name].shape != shape
        ]
        if wrong:
            more = [f"and {len(wrong) - 10} more"] if len(wrong) > 10 else []
            raise ZooError("These are weights of another model", (*wrong[:10], *more))


class _Taken:
    """A piece of ours, in a tensor of theirs."""

    def __init__(self, entry: Entry, row: Row, start: int, shape: Shape) -> None:
        self.kind, self.row, self.start, self.shape = entry.kind, row, start, shape
        array = mapped(entry)
        if row.made.by_turns:
            self.array = _turn(array, len(row.pieces), start // shape[0])
            self.start = 0
        elif row.made.transposed:
            self.array = array.T
        else:
            self.array = array.reshape(row.stacked)
        self.theirs = np.argsort(row.order) if row.order else None

    def rows(self, start: int, stop: int) -> Array:
        """Of the piece, from where to where, folded, as float if anything is."""
        start, stop = self.start + start, self.start + stop
        theirs = slice(start, stop) if self.theirs is None else self.theirs[start:stop]
        found = self.array[theirs]
        if self.row.exact:
            return found
        numbers = _real(found, self.kind, self.row)
        return numbers * _factors(self.row, start, stop) + self.row.made.offset


def _turn(array: Array, several: int, number: int) -> Array:
    """One of several pieces whose channels stand by turns, as ours has it; a view."""
    found = array.reshape(*array.shape[:-1], -1, several)[..., number]
    return found.swapaxes(1, -1)


def _stacked(parts: list[_Taken], kind: str) -> Iterator[Array]:
    for part in parts:
        row_bytes = 4 * max(1, int(np.prod(part.shape[1:])))
        for start, stop in blocks(part.shape[0], row_bytes):
            found = part.rows(start, stop)
            if not part.row.exact:
                yield rounded(found, kind)  # type: ignore[arg-type]
            else:
                yield _as(kind, found, part.kind, part.row)


def _read_once(
    parts: list[tuple[Entry, int, int]], row: Row, kind: str
) -> Iterator[Array]:
    """Their tensor; afterwards no page of ours that it was made of stays in memory."""
    yield from _given_back(parts, row, kind)
    for entry, _, _ in parts:
        release(entry)


def _given_back(
    parts: list[tuple[Entry, int, int]], row: Row, kind: str
) -> Iterator[Array]:
    """Their tensor, made of rows of ours."""
    arrays = [mapped(entry)[start : start + count] for entry, start, count in parts]
    kinds = [entry.kind for entry, _, _ in parts]
    row_bytes = 4 * max(1, int(np.prod(row.shape[1:])))
    if row.made.transposed:
        for start, stop in blocks(row.shape[0], row_bytes):
            columns = [array[:, start:stop].T for array in arrays]
            yield np.concatenate(
                [_as(kind, *pair, row) for pair in zip(columns, kinds, strict=True)],
                axis=1,
            )
        return
    if row.made.by_turns:
        for start, stop in blocks(row.shape[0], row_bytes):
            turns = [
                _as(kind, array[start:stop].swapaxes(1, -1), of, row)
                for array, of in zip(arrays, kinds, strict=True)
            ]
            yield np.stack(turns, axis=-1).reshape(-1, *row.shape[1:])
        return
    if row.order:
        yield from _ordered(arrays, kinds, row, kind, row_bytes)
        return

    def stored(found: Array, of: str, at: int) -> Array:
        """Rows of the stack, of which `at` is the first."""
        if not row.exact:
            factors = _factors(row, at, at + len(found))
            numbers = (_real(found, of, row) - row.made.offset) / factors
            return rounded(numbers, kind)
        return _as(kind, found, of, row)

    starts = [0, *np.cumsum([len(array) for array in arrays])]
    for array, of, at in zip(arrays, kinds, starts, strict=False):
        for start, stop in blocks(len(array), row_bytes):
            yield stored(array[start:stop], of, at + start)


def _ordered(
    arrays: list[Array], kinds: list[str], row: Row, kind: str, row_bytes: int
) -> Iterator[Array]:
    """Rows of several arrays, one under the other, in another order."""
    starts = np.cumsum([0, *(len(array) for array in arrays)])
    order = np.asarray(row.order)
    for start, stop in blocks(len(order), row_bytes):
        chosen = order[start:stop]
        which = np.searchsorted(starts, chosen, side="right") - 1
        found: list[Array] = []
        places = []
        for piece in np.unique(which):
            (there,) = np.nonzero(which == piece)
            rows = arrays[piece][chosen[there] - starts[piece]]
            found.append(_as(kind, rows, kinds[piece], row))
            places.append(there)
        yield np.concatenate(found)[np.argsort(np.concatenate(places))]


def _as(kind: str, found: Array, of: str, row: Row) -> Array:
    """Numbers of one type as another, if it is another."""
    return found if of == kind else rounded(_real(found, of, row), kind)


def _factors(row: Row, start: int, stop: int) -> NDArray[np.float64] | float:
    """What the rows from where to where are multiplied with."""
    if len(row.factors) == 1:
        return row.factors[0]
    found = np.asarray(row.factors[start:stop])
    return found.reshape(-1, *[1] * (len(row.stacked) - 1))


def _same(reading: Reading, model: Model) -> Model:
    """The model, if it is what the configuration says; contexts may differ."""
    said = Source("<imported>", spelled_out(reading))
    expected = passes.run(compiler.to_ir(said))
    expected = replace(expected, context=model.context)
    if structure(expected) != structure(model):
        raise ZooError(
            "The .star file is not of the architecture of the configuration",
            tuple(describe_changes(expected, model)[:10]),
        )
    return model


def _kind(kind: str, row: Row) -> str:
    """Of what is computed: float32 keeps what was bfloat16 with a constant added."""
    return kind if row.exact or kind == "F64" else "F32"


def _common(kinds: Iterator[str]) -> str:
    found = set(kinds)
    if len(found) == 1:
        return found.pop()
    return "F64" if "F64" in found else "F32"


def _real(array: Array, kind: str, row: Row) -> NDArray[np.floating]:
    if kind not in FLOATS:
        raise ZooError(f"{row.theirs}: {kind} is not computed with")
    return real(array, kind)
