"""The table of names of a family, written out for one model: theirs -> our pieces."""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import assert_never

from starc.ir.nodes import Again, Liv, Model, Parallel
from starc.ir.tensors import Key, tensors
from starc.values import dataclass
from starc.zoo.error import ZooError
from starc.zoo.family import Beside, Part, Reading
from starc.zoo.tensor import Made, Names, Shape, made


@dataclass(frozen=True)
class Piece:
    """Some of the rows of one of our tensors: `count` of them from `start`."""

    key: Key
    start: int
    count: int


@dataclass(frozen=True)
class Row:
    """One of their tensors, with its shape, and the pieces that it holds.

    stacked: the shape of the pieces, one under the other. factors: of its rows.
    order: which row of the stack each of theirs is; (): the same.
    """

    theirs: str
    shape: Shape
    made: Made
    pieces: tuple[Piece, ...]
    stacked: Shape
    factors: tuple[float, ...]
    order: tuple[int, ...] = ()

    @property
    def exact(self) -> bool:
        """Whether nothing is computed, so that all bits stay as they are."""
        return not self.made.offset and self.factors == (1.0,)


def tensor_rows(reading: Reading, model: Model) -> list[Row]:
    """Every tensor of theirs, in the order of ours.

    model: after the passes, of the structure that the reading says; its labels are its
    own. Raises ZooError where the two are unlike.
    """
    shapes = tensors(model)
    rows = list(_rows(reading, model, shapes))
    covered = {piece.key for row in rows for piece in row.pieces}
    if covered != shapes.keys():
        missing = sorted(".".join(key) for key in shapes.keys() - covered)
        raise ZooError("Tensors that no name of theirs has", tuple(missing[:10]))
    return rows


def _rows(reading: Reading, model: Model, shapes: Mapping[Key, Shape]) -> Iterator[Row]:
    yield from _named(reading, reading.family.names, "", "", shapes)
    steps = [
        (depth, reading.family.prefix.format(depth), step)
        for depth, layer in enumerate(reading.steps)
        for step in layer
    ]
    layers = list(model.layers())
    if len(layers) != len(steps):
        raise ZooError(f"{len(steps)} LIVs are expected, and {len(layers)} are there")
    for (depth, prefix, step), layer in zip(steps, layers, strict=True):
        if isinstance(step, Part) and step.use is not None:
            own = step.use(reading.values, depth).names
            yield from _named(reading, own, "", layer.label, shapes)
        match layer:
            case Again() if isinstance(step, Part):
                pass  # its names are those of the layer that it is
            case Liv() if isinstance(step, Part):
                yield from _named(reading, step.names, prefix, layer.label, shapes)
            case Parallel() if isinstance(step, Beside):
                yield from _named(reading, step.names, prefix, layer.label, shapes)
                for part, liv in zip(step.parts, layer.branches, strict=True):
                    yield from _named(reading, part.names, prefix, liv.label, shapes)
            case Again() | Liv() | Parallel():
                raise ZooError(f"{prefix}: a parallel on one side only")
            case _:
                assert_never(layer)


def _named(
    reading: Reading,
    names: Names,
    prefix: str,
    label: str,
    shapes: Mapping[Key, Shape],
) -> Iterator[Row]:
    for theirs, of in names.items():
        how = made(of)
        for part in ("weight", "bias") if theirs.endswith("*") else ("",):
            pieces = tuple(
                (label, piece.replace("*", part)) for piece in how.pieces.split()
            )
            there = [piece for piece in pieces if piece in shapes]
            if not there:
                continue
            assert len(there) == len(pieces), f"{theirs}: only {there}"
            name = prefix + (theirs[:-1] + part if part else theirs)
            yield from _rows_of(reading, name, how, pieces, shapes)


def _rows_of(
    reading: Reading,
    name: str,
    how: Made,
    keys: tuple[Key, ...],
    shapes: Mapping[Key, Shape],
) -> Iterator[Row]:
    """One row; of a stack of experts, with `{}` in its name, one each."""
    first = shapes[keys[0]]
    if "{}" in name:
        for expert in range(first[0]):
            pieces = tuple(Piece(key, expert, 1) for key in keys)
            stacked = (len(keys), *first[1:])
            shape = (len(keys) * first[1], *first[2:])
            yield Row(name.format(expert), shape, how, pieces, stacked, (1.0,))
        return
    pieces = tuple(Piece(key, 0, shapes[key][0]) for key in keys)
    stacked = shape = (sum(piece.count for piece in pieces), *first[1:])
    if how.by_expert:
        pieces = tuple(Piece(k, n, 1) for n in range(first[0]) for k in keys)
        shape = (first[0], len(keys) * first[1], *first[2:])
    if how.theirs is not None:
        shape = how.theirs(stacked, reading.values)
    factors = how.factors(reading.values)
    order = tuple(how.order(stacked, reading.values)) if how.order else ()
    yield Row(name, shape, how, pieces, stacked, factors, order)


def unused(reading: Reading, name: str) -> bool:
    """Whether a tensor of theirs is there for no number of the model."""
    found = reading.family.unused
    patterns = found(reading.values) if callable(found) else found
    return any(fnmatchcase(name, pattern) for pattern in patterns)
