"""`starc motifs`: motifs of runs and of .star files, as a table and as JSON."""

import json
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from textwrap import fill

from starc import compiler, passes
from starc.columns import WIDTH, aligned
from starc.diagnostics import Problems, StarError
from starc.evolve.report.designs import Design, design, of
from starc.evolve.report.enrichment import Row, table
from starc.evolve.report.measures import axes
from starc.evolve.report.read import ReportError, Run, read
from starc.evolve.storage.database import FILE
from starc.files import require_plain
from starc.frontend import ast
from starc.frontend.load import load
from starc.frontend.one_line import one_line
from starc.frontend.parse import LARGEST, parse
from starc.frontend.unparse import unparse
from starc.ir.cost import costs
from starc.printable import printable
from starc.source import Source

DEEPEST = 4096
"""LIVs of a design that is still looked at."""

STATIC = ("params", "cache", "flops")
"""Of .star files, what their text tells: parameters, bytes, FLOPs a token."""


@dataclass(frozen=True)
class Motifs:
    """rows, how many designs there are of each set, and what they were compared with.

    skipped: files that are no architecture. model: lines of the model block of the
    first architecture, definitions: the LIVs and featurizers that they define, of one
    name the first.
    """

    rows: list[Row]
    designs: int
    selected: int
    initial: int
    labels: tuple[str, ...]
    compared: str
    skipped: tuple[str, ...]
    model: str
    definitions: str


@dataclass
class _Sets:
    designs: dict[Hashable, Design]
    selected: list[Hashable]
    initial: list[Hashable]
    values: dict[Hashable, dict[str, float]]
    labels: dict[str, None]
    skipped: list[str]
    models: list[str] = field(default_factory=list)
    definitions: dict[str, str] = field(default_factory=dict)  # by name


def collect(
    paths: Sequence[Path], baseline: Sequence[Path] = (), fewest: int = 0
) -> Motifs:
    """Of all architectures that the paths name. Raises ReportError, OSError."""
    sets = _Sets({}, [], [], {}, {}, [])
    runs = 0
    for path in paths:
        if (path / FILE).is_file():
            runs += 1
            _add_run(read(path), str(path), sets)
        else:
            sets.selected += _add_files(path, sets)
    for path in baseline:
        sets.initial += _add_files(path, sets)
    if not sets.designs:
        raise ReportError("there is no architecture that compiles in what was given")
    labels = tuple(sets.labels)
    args = sets.designs, sets.initial, sets.selected, sets.values, labels
    compared = "the initial population" if runs else "--baseline"
    return Motifs(
        table(*args, fewest=fewest),
        len(sets.designs),
        len(sets.selected),
        len(sets.initial),
        labels,
        compared if sets.initial else "the same LIVs in random order",
        tuple(sets.skipped),
        sets.models[0],
        "\n".join(sets.definitions.values()),
    )


def _add_run(run: Run, name: str, sets: _Sets) -> None:
    settings = (f"  {key} = {value}\n" for key, value in run.spec.model)
    sets.models.append("".join(settings))
    _define(Source("<definitions>", run.spec.definitions), sets)
    for entry in run.entries:
        own = design(entry.source)
        if own is not None:
            sets.designs[name, entry.id] = own
    first = min((entry.generation for entry in run.entries), default=0)
    sets.initial += [
        (name, entry.id)
        for entry in run.entries
        if entry.generation == first and (name, entry.id) in sets.designs
    ]
    if run.generations:
        last = {*run.generations[-1].population, *run.generations[-1].front}
        sets.selected += [(name, i) for i in sorted(last) if (name, i) in sets.designs]
    for entry in run.evaluated:
        if entry.outcome:
            sets.values[name, entry.id] = entry.outcome.measures
    sets.labels.update({axis.label: None for axis in axes(run) if axis.objective})


def _add_files(path: Path, sets: _Sets) -> list[Hashable]:
    """The designs of a file, or of all .star files below a folder."""
    files = sorted(path.rglob("*.star")) if path.is_dir() else [path]
    if not files:
        raise ReportError(f"{path} holds neither a run nor .star files")
    added: list[Hashable] = []
    for file in files:
        try:
            source = _source(file)
            model = passes.run(compiler.to_ir(source))
        except (StarError, OSError):
            if file == path:
                raise
            sets.skipped.append(str(file))
            continue
        depth = sum(1 for _ in model.layers())
        if depth > DEEPEST:
            if file == path:
                raise ReportError(f"{file} has {depth:,} LIVs, more than {DEEPEST:,}")
            sets.skipped.append(str(file))
            continue
        _define(source, sets)
        found = costs(model, model.context, 2).total
        measures = (found.params, found.cache_bytes, found.prefill_flops)
        sets.designs[str(file)] = of(model)
        sets.values[str(file)] = dict(zip(STATIC, map(float, measures), strict=True))
        added.append(str(file))
    sets.labels.update(dict.fromkeys(STATIC))
    return added


def _define(source: Source, sets: _Sets) -> None:
    """What a text defines besides other names for LIVs, which no motif has."""
    program = parse(source, Problems())
    for item in program.items:
        if isinstance(item, ast.Model):
            lines = (f"  {s.name.text} = {one_line(s.value)}\n" for s in item.settings)
            sets.models.append("".join(lines))
        elif isinstance(item, ast.LivGenome | ast.LivDiff | ast.Featurizer):
            alone = unparse(replace(program, items=(item,), comments=()))
            sets.definitions.setdefault(item.name.text, alone)


def _source(file: Path) -> Source:
    """A .star text, of which no more is read than it may have. StarError, OSError."""
    require_plain(file)
    problems = Problems()
    with file.open("rb") as opened:
        source = load(str(file), opened.read(LARGEST + 1), problems)
    problems.check()
    assert source is not None, "a problem was added"
    return source


def as_json(found: Motifs, top: int = 0) -> str:
    rows = found.rows[:top] if top else found.rows
    return (
        json.dumps(
            {
                "designs": found.designs,
                "selected": found.selected,
                "initial": found.initial,
                "compared_with": found.compared,
                "skipped": list(found.skipped),
                "motifs": [_row(row) for row in rows],
            },
            indent=2,
        )
        + "\n"
    )


def _row(row: Row) -> dict[str, object]:
    enrichment = row.enrichment
    return {
        "motif": str(row.found.motif),
        "kind": row.found.motif.kind,
        "livs": list(row.found.motif.names),
        "occurrences": row.found.occurrences,
        "designs": len(row.found.members),
        "selected": row.selected,
        "initial": row.initial,
        "enrichment": vars(enrichment).copy() if enrichment else None,
        "effects": {e.label: _effect(vars(e)) for e in row.effects},
    }


def _effect(fields: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if name != "label"}


def as_text(found: Motifs, top: int = 0) -> str:
    """A table; a * behind an effect: p of Mann and Whitney below 0.05."""
    rows = found.rows[:top] if top else found.rows
    ratio = "odds" if found.initial else "ratio"
    compared = ("last", "first") if found.initial else ()
    heads = ["motif", "places", "designs", *compared, ratio, "95 %", "p", "q"]
    heads += [f"{printable(label)} %" for label in found.labels]
    lines = [[*map(printable, _cells(row, found))] for row in rows]
    places = 3 + len(compared), len(heads) - len(found.labels)
    written = aligned([heads, *lines], *places, rule=True)
    note = f"{len(found.rows)} motifs of {found.designs} designs"
    if found.initial:
        note += f", {found.selected} of them (last) against {found.initial} (first)"
    note += f"; compared with {found.compared}; effects are differences of medians,"
    note += " * where p < 0.05"
    if found.skipped:
        count = len(found.skipped)
        note += f"; {count} files left out (no architecture of at most {DEEPEST} LIVs)"
    return "\n".join([*written, "", fill(note, WIDTH)]) + "\n"


def _cells(row: Row, found: Motifs) -> list[str]:
    cells = [
        str(row.found.motif),
        str(row.found.occurrences),
        str(len(row.found.members)),
    ]
    if found.initial:
        cells += [str(row.selected), str(row.initial)]
    e = row.enrichment
    if e is None:
        cells += ["-"] * 4
    else:
        between = f"{e.low:.2g} to {e.high:.3g}"
        cells += [f"{e.ratio:.3g}", between, f"{e.p:.2g}", f"{e.q:.2g}"]
    effects = {effect.label: effect for effect in row.effects}
    for label in found.labels:
        effect = effects.get(label)
        star = "*" if effect and effect.p < 0.05 else ""
        cells.append(f"{100 * effect.relative:+.1f}{star}" if effect else "-")
    return cells
