"""Runs that someone tampered with: one clear error, and nothing outside is touched."""

import contextlib
import json
import random
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from starc.artefacts import ArtefactError
from starc.cli.options import MOST
from starc.cli.options import SEEDS as SEEDS_HIGH
from starc.diagnostics import Problems, StarError
from starc.evolve import coordinator
from starc.evolve.evaluation.outcome import Outcome
from starc.evolve.problem.architecture import source as source_of
from starc.evolve.problem.candidate import Candidate
from starc.evolve.problem.spec import Objective, Requirement, Spec, Trainer
from starc.evolve.report.html import template
from starc.evolve.report.page import report
from starc.evolve.report.read import ReportError
from starc.evolve.report.read import read as read_run
from starc.evolve.report.table import Motifs, collect
from starc.evolve.report.table import as_text as motifs_text
from starc.evolve.storage.database import Database
from starc.evolve.storage.errors import RunError
from starc.evolve.storage.lock import Lock
from starc.evolve.storage.rows import Row
from starc.evolve.views import front
from starc.evolve.views.pick import pick
from starc.lower.search_options import MOST_LIVS

TEXT = """model m { width = 64; vocab = 256 }
search { pool = [SA-1, GMemless]; depth = 2; population = 2; trainer = simulated }
"""
STRANGE = "\x1b[31m<b>\u202e[x](y)`|"
VALUES: tuple[Any, ...] = (
    None, True, -1, 10**30, 1e308, float("nan"), "", "x", STRANGE, "../../X",
    [], [None], [[]], {}, {"x": 1}, [[1] * 5], "9" * 50,
)  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of one candidate, measured and on the front."""
    problems = Problems()
    spec = read_spec(problems)
    candidate = Candidate(((1, 1, 1, 1, 1), (9, 1, 1, 1, 1)))
    folder = tmp_path / "run"
    folder.mkdir()
    database = Database.create(folder, spec)
    text = source_of(candidate, spec)
    outcome = Outcome("ok", "", {goal.label: 1.0 for goal in spec.objectives}, {})
    change = ({"by": "mutation", "words": "a word"},)
    row = Row(1, "k", candidate, text, 0, "random", (), change, True, "f")
    database.propose(0, [row], {})
    database.record(1, 0, outcome)
    database.close()
    return folder


def read_spec(problems: Problems) -> Spec:
    from starc.evolve.problem.reading import read as read_text

    spec = read_text(TEXT, problems)
    assert spec is not None, list(problems)
    return spec


def use(folder: Path, output: Path) -> None:
    """What front and pick do."""
    database = Database.open(folder)
    try:
        front.as_text(front.members(database), database.spec())
        pick(database, 1, output)
    finally:
        database.close()


def edit(folder: Path, query: str, *values: Any) -> None:
    with contextlib.closing(sqlite3.connect(folder / "evolve.sqlite")) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        with connection:  # a transaction
            connection.execute(query, values)


def test_a_sound_run(run: Path, tmp_path: Path) -> None:
    use(run, tmp_path / "out")


@pytest.mark.parametrize(
    ("query", "value", "field"),
    [
        ("UPDATE meta SET value = ? WHERE key = 'spec'", "[null]", "spec"),
        ("UPDATE meta SET value = ? WHERE key = 'spec'", "[" * 10**5, "spec"),
        ("UPDATE candidates SET candidate = ?", "x", "candidate"),
        ("UPDATE candidates SET parents = ?", '["x"]', "parents"),
        ("UPDATE outcomes SET measures = ?", '{"cache": "x"}', "cache"),
    ],
)
def test_a_field_that_no_search_wrote(
    run: Path, tmp_path: Path, query: str, value: str, field: str
) -> None:
    edit(run, query, value)
    with pytest.raises(RunError, match=field) as caught:
        use(run, tmp_path / "out")
    assert "evolve.sqlite" in str(caught.value)


def test_labels_beyond_any_memory() -> None:
    found = json.loads(Spec().to_json())
    found["labels"] = 10**30
    with pytest.raises(ArtefactError, match="labels"):
        Spec.from_json(json.dumps(found))


def test_ranges_are_those_of_the_search_block_and_the_command_line() -> None:
    spec = read_spec(Problems())
    most: dict[str, Any] = {
        "seed": SEEDS_HIGH,
        "generations": MOST,
        "evaluations": 0,
        "minutes": 0.01,
    }
    for name, value in most.items():
        changed = replace(spec, **{name: value})
        assert Spec.from_json(changed.to_json()) == changed
    trainer = Trainer(memory_limit=0, time_limit=0.0, base_width=0, device="cuda:1")
    changed = replace(spec, trainer=trainer)
    assert Spec.from_json(changed.to_json()) == changed
    wrong: list[dict[str, Any]] = [
        *({"population": bad} for bad in (0, 10**6)),
        *({"trainer": replace(trainer, batch=bad)} for bad in (0, 10**7)),
        *({"trainer": replace(trainer, dtype=bad)} for bad in ("x", "")),
        *({"trainer": replace(trainer, kind="x")}, {"algorithm": "x"}),
        *({"seed": -1}, {"depth": (3, 2)}, {"depth": (1, MOST_LIVS + 1)}),
        *({"objectives": (Objective("cache", "x"),)}, {"minutes": -1.0}),
        {"requirements": (Requirement("cache", "x", 1.0),)},
        {"genes": (("norm", ()),)},
    ]
    for change in wrong:
        with pytest.raises(ArtefactError, match="spec"):
            Spec.from_json(replace(spec, **change).to_json())


def test_a_name_from_the_database_is_no_path(run: Path, tmp_path: Path) -> None:
    edit_spec(run, lambda found: found.update(name="../../X"))
    with pytest.raises(RunError, match="name"):
        use(run, tmp_path / "deep" / "out")
    assert not list(tmp_path.rglob("X*")) and not (tmp_path / "deep").exists()


def test_weights_keep_their_mode_and_are_no_link(run: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s")
    secret.chmod(0o600)
    weights = run / "candidates" / "1" / "weights.safetensors"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"w")
    weights.chmod(0o600)
    use(run, tmp_path / "a")
    copy = tmp_path / "a" / weights.name
    assert copy.read_bytes() == b"w" and copy.stat().st_mode & 0o777 == 0o600
    weights.unlink()
    weights.symlink_to(secret)
    with pytest.raises(OSError, match="link"):
        use(run, tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_a_lock_that_is_a_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("kept")
    (tmp_path / "evolve.lock").symlink_to(outside)
    with pytest.raises(OSError, match="link"):
        Lock(tmp_path).take()
    assert outside.read_text() == "kept"


def test_a_card_holds_no_markup_of_the_database(run: Path, tmp_path: Path) -> None:
    changes = json.dumps([{"by": STRANGE, "words": STRANGE}])
    edit(run, "UPDATE candidates SET changes = ?, origin = ?", changes, STRANGE)
    use(run, tmp_path / "out")
    text = (tmp_path / "out" / "card.md").read_text()
    assert "\x1b" not in text and "\u202e" not in text
    assert "\\<b\\>" in text and " <b>" not in text


def edit_spec(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    database = Database.open(folder, write=True)
    found = json.loads(database.meta("spec"))
    change(found)
    database.set_meta(spec=json.dumps(found))
    database.close()


def mutated(value: Any, random: random.Random) -> Any:
    """`value` with something at a place in it replaced or taken away."""
    if isinstance(value, dict | list) and value and random.random() < 0.8:
        copy: Any = value.copy()
        keys = list(copy) if isinstance(copy, dict) else range(len(copy))
        key = random.choice(keys)
        if random.random() < 0.2:
            del copy[key]
        else:
            copy[key] = mutated(copy[key], random)
        return copy
    return random.choice(VALUES)


SEEDS = [
    range(2_000),
    pytest.param(range(2_000, 102_000), marks=pytest.mark.slow),
]


@pytest.mark.parametrize("seeds", SEEDS, ids=str)
def test_tampered_specs_and_candidates(seeds: range) -> None:
    """What is read is sound, or refused in words: nothing else is raised."""
    spec = json.loads(read_spec(Problems()).to_json())
    seed = ((1, 1, 1, 1, 1),)
    candidate = json.loads(Candidate(seed, ((("heads", 2),),)).to_json())
    for number in seeds:
        drawn = random.Random(number)
        print("seed", number)
        for reader, sound in ((Spec.from_json, spec), (Candidate.from_json, candidate)):
            text = json.dumps(mutated(sound, drawn))
            if drawn.random() < 0.2:
                text = text[: drawn.randrange(len(text) + 1)]
            try:
                found = reader(text)
            except ArtefactError as error:
                assert len(str(error)) < 10_000
            else:
                found.to_json()


def test_report_says_the_same(run: Path) -> None:
    edit(run, "UPDATE candidates SET candidate = ?", '{"genome": 1}')
    with pytest.raises(ReportError, match="genome"):
        read_run(run)


COLUMNS = {
    "candidates": (
        *("id", "key", "candidate", "source", "generation", "origin", "parents"),
        *("changes", "valid_before_repair", "function"),
    ),
    "outcomes": ("candidate", "rung", "status", "reason", "measures"),
    "rungs": ("candidate", "rung", "status", "reason", "measures"),
    "generations": ("number", "population", "front", "hypervolume", "statistics"),
    "proposals": ("generation", "statistics"),
    "timings": ("candidate", "rung", "name", "seconds"),
    "meta": ("value",),
}
CELLS = (
    *(None, -1, 10**18, 1e308, float("inf"), "", "x", STRANGE, b"\xff", "[null]"),
    *("[" * 10_000, "{}", '["x"]', "[99999999999999999999]", '{"cache": "x"}'),
    *('{"cache": NaN}', '[{"by": 1}]', '[{"by": "<b>", "words": "\\u202e"}]'),
)


def tamper(run: Path, drawn: random.Random) -> None:
    """A cell, a field of the spec or of a candidate, or bytes of the database."""
    kind = drawn.randrange(10)
    if kind == 0:
        path = run / "evolve.sqlite"
        raw = bytearray(path.read_bytes())
        for _ in range(drawn.randint(1, 8)):
            raw[drawn.randrange(len(raw))] = drawn.randrange(256)
        path.write_bytes(raw)
    elif kind < 5:
        spec = json.loads(read_spec(Problems()).to_json())
        edit(run, "UPDATE meta SET value = ? WHERE key = 'spec'", _json(spec, drawn))
    elif kind < 7:
        found = json.loads(Candidate(((1, 1, 1, 1, 1), (9, 1, 1, 1, 1))).to_json())
        edit(run, "UPDATE candidates SET candidate = ?", _json(found, drawn))
    else:
        table = drawn.choice(sorted(COLUMNS))
        column = drawn.choice(COLUMNS[table])
        with contextlib.suppress(sqlite3.IntegrityError):
            edit(run, f"UPDATE {table} SET {column} = ?", drawn.choice(CELLS))


def _json(sound: Any, drawn: random.Random) -> str:
    return json.dumps(mutated(sound, drawn))


@pytest.mark.parametrize("seeds", SEEDS, ids=str)
def test_tampered_runs(run: Path, tmp_path: Path, seeds: range) -> None:
    """front, pick and report read it, or say what is wrong; nothing outside changes."""
    (tmp_path / "canary").write_text("kept")
    sound = tmp_path / "sound"
    shutil.copytree(run, sound)
    around = sorted(path.name for path in tmp_path.iterdir())
    for number in seeds:
        print("seed", number)
        shutil.rmtree(run)
        shutil.copytree(sound, run)
        tamper(run, random.Random(number))
        with contextlib.suppress(RunError, OSError, StarError):
            use(run, run / "out")
        with contextlib.suppress(ReportError, StarError):
            read_run(run)
            if number % 40 == 0:  # a page takes longer
                report(run)
                motifs_text(collect([run], [], 0))
    assert (tmp_path / "canary").read_text() == "kept"
    assert sorted(path.name for path in tmp_path.iterdir()) == around


@pytest.mark.parametrize(
    "name", ["candidates", "candidates/1", "candidates/1/log.txt", "evolve.lock"]
)
@pytest.mark.parametrize("again", [False, True])
def test_a_search_writes_through_no_link(
    run: Path, tmp_path: Path, name: str, again: bool
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    target = outside / "kept" if "." in name else outside
    if not again:
        (run / "evolve.sqlite").unlink()
    (run / name).parent.mkdir(parents=True, exist_ok=True)
    (run / name).symlink_to(target)
    with pytest.raises(RunError, match="link"):
        if again:
            coordinator.resume(run, None)  # type: ignore[arg-type]  # never asked for
        else:
            coordinator.begin(read_spec(Problems()), run, mock.Mock())  # nor here
    assert [path.name for path in outside.iterdir()] == ["kept"]
    assert (outside / "kept").read_text() == "kept"


@pytest.mark.parametrize("end", ["", "-wal", "-shm", "-journal"])
def test_a_database_that_is_a_link(run: Path, tmp_path: Path, end: str) -> None:
    path, elsewhere = run / f"evolve.sqlite{end}", tmp_path / "elsewhere"
    if end:
        elsewhere.write_bytes(b"")
    else:
        path.rename(elsewhere)
    path.unlink(missing_ok=True)
    path.symlink_to(elsewhere)
    with pytest.raises(RunError, match="link"):
        Database.open(run)


def test_a_view_in_the_database(run: Path) -> None:
    edit(run, "DROP TABLE timings")
    edit(run, "CREATE VIEW timings AS SELECT 1, 1, 'x', 1")
    with pytest.raises(RunError, match="views"):
        Database.open(run)


COMPUTED = "GENERATED ALWAYS AS (hex(zeroblob(100000000)))"


@pytest.mark.parametrize(
    "query",
    [
        "CREATE TABLE more (x)",
        "ALTER TABLE timings ADD COLUMN more TEXT",
        f"ALTER TABLE timings ADD COLUMN more {COMPUTED}",
        "DROP INDEX candidates_by_function",
        "CREATE INDEX more ON timings (hex(name))",
    ],
)
def test_tables_that_no_search_made(run: Path, query: str) -> None:
    """A column that is computed could take any time and memory."""
    edit(run, query)
    with pytest.raises(RunError, match="other tables, columns or indices"):
        Database.open(run)


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="needs /proc/self/io")
def test_a_text_that_is_too_large_is_not_read(run: Path) -> None:
    """Of 40 MB none is taken into memory; bytes that are read are counted."""

    def count() -> int:
        return int(Path("/proc/self/io").read_text().split()[1])

    edit(run, "UPDATE candidates SET source = hex(zeroblob(20000000))")
    before = count()
    with pytest.raises(RunError, match="too big"):
        Database.open(run).candidates()
    assert count() - before < 1 << 20


def test_a_database_that_is_replaced_by_a_link(run: Path, tmp_path: Path) -> None:
    """While a search goes on: its next step is not written."""
    database = Database.open(run, write=True)
    (run / "evolve.sqlite").rename(tmp_path / "elsewhere")
    (run / "evolve.sqlite").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunError, match="deleted or replaced"):
        database.set_meta(state="x")
    database.close()


def test_texts_of_a_database_are_shown(run: Path) -> None:
    """In front, and in a page: as text, and none that turns its direction."""
    edit(run, "UPDATE candidates SET origin = ?", STRANGE)
    database = Database.open(run)
    text = front.as_text(front.members(database), database.spec())
    database.close()
    assert "<b>" in text and "\x1b" not in text and "\u202e" not in text
    shown = str(template("page").environment.from_string("{{ x }}").render(x=STRANGE))
    assert "&lt;b&gt;" in shown and "\x1b" not in shown and "\u202e" not in shown
    labels = (STRANGE,)
    table = motifs_text(Motifs([], 0, 0, 0, labels, "x", (), "", ""))
    assert "\x1b" not in table and "\u202e" not in table
