"""Checkpoints and files of tokens that someone tampered with: one error, no hang."""

import inspect
import io
import json
import logging
import os
import py_compile
import random
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from importlib.util import cache_from_source
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Any

import numpy
import pytest
import torch
from safetensors.torch import load_file, save_file

from starc import compiler
from starc.cli.training import _kept
from starc.draw import operator
from starc.evolve.evaluation import preflight
from starc.evolve.evaluation.real import prepare as prepare_candidate
from starc.evolve.problem.candidate import Candidate
from starc.evolve.problem.spec import Spec
from starc.folders import Folder
from starc.source import Source
from starc.training import checkpoint, emitted, text, tokens
from starc.training.compare import Result, _known, compare, entry
from starc.training.run import Run, prepare
from starc.training.settings import Settings, TrainingError

DRAWN = "model m { width = 32; vocab = 256 }\nbackbone { a: SA-1 }\n"
STUB = Path(__file__).parent / "stub_model.py"
VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 10**30, 1e308, float("nan"), "", "x", [], {}, "9" * 50),
    *("\x1b[31m", [[]]),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint of two steps in run/, and a canary beside it."""
    data = tmp_path / "data.txt"
    data.write_bytes(b"the quick brown fox\n" * 100)
    (tmp_path / "canary").write_text("kept")
    run = prepare(STUB, Settings(steps=4, batch=2, context=8, data=str(data)))
    for _ in range(2):
        run.take_step()
    run.save(tmp_path / "run")
    return tmp_path / "run"


def resumed(folder: Path) -> Run:
    stored = checkpoint.load(folder)
    return prepare(STUB, stored.settings, stored)


def state(folder: Path) -> Path:
    return folder / "checkpoint" / "training.json"


def test_a_sound_one(folder: Path) -> None:
    assert resumed(folder).step == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("steps", bad) for bad in ("x", -1, 0, 10**30, 2**31, True)),
        *(("batch", bad) for bad in (0, "x", 2**31)),
        *(("context", bad) for bad in (-1, 2**31, 2**30)),
        *((name, 2**31) for name in ("warmup", "save")),
        *(("seed", bad) for bad in (-1, 2**63)),
        *(("minutes", bad) for bad in (-1.0, float("nan"))),
    ],
)
def test_settings_that_no_run_has(folder: Path, name: str, value: object) -> None:
    found = json.loads(state(folder).read_text())
    found["settings"][name] = value
    state(folder).write_text(json.dumps(found))
    with pytest.raises(TrainingError, match="settings"):
        checkpoint.load(folder)


@pytest.mark.parametrize("size", [1 << 24, 1 << 38])
def test_tensors_of_a_tebibyte(folder: Path, size: int) -> None:
    """All holes on the disk; a small one, which can be mapped, is of another model."""
    about = {"dtype": "F32", "shape": [size], "data_offsets": [0, 4 * size]}
    path = folder / "checkpoint" / "model.safetensors"
    name = next(iter(load_file(path)))
    header = json.dumps({name: about}).encode()
    with path.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + 4 * size)
    with pytest.raises(TrainingError, match="damaged checkpoint|another model"):
        resumed(folder)
    with pytest.raises(operator.DrawError):
        operator.mixing(Source("m.star", DRAWN), "a", "abc", str(path))


@pytest.mark.parametrize(
    "change",
    [
        {"nobody:exp_avg": torch.zeros(1)},
        {"nobody": torch.zeros(1)},
    ],
)
def test_a_foreign_tensor(folder: Path, change: dict[str, torch.Tensor]) -> None:
    path = folder / "checkpoint" / "optimizer.safetensors"
    save_file({**load_file(path), **change}, path)
    with pytest.raises(TrainingError, match="optimizer"):
        resumed(folder)


def test_a_tensor_of_another_shape_or_none(folder: Path) -> None:
    path = folder / "checkpoint" / "optimizer.safetensors"
    sound = load_file(path)
    name = next(name for name in sound if name.endswith(":exp_avg"))
    others = {key: value for key, value in sound.items() if key != name}
    for broken in (others, {**others, name: torch.zeros(7, 7, 7)}):
        save_file(broken, path)
        with pytest.raises(TrainingError, match="optimizer"):
            resumed(folder)


@pytest.mark.parametrize(
    "name", ["", "/training.json", "/model.safetensors", "/optimizer.safetensors"]
)
def test_a_link_is_not_followed(folder: Path, name: str) -> None:
    path, elsewhere = folder / f"checkpoint{name}", folder.parent / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    with pytest.raises(TrainingError, match="link"):
        checkpoint.load(folder)


@pytest.mark.parametrize(
    "beside", ["[" * 10_000, "[]", '{"bytes": "x"}', '{"bytes": -1}', '{"dtype": []}']
)
def test_what_stands_beside_tokens(tmp_path: Path, beside: str) -> None:
    path = tmp_path / "t.bin"
    path.write_bytes(bytes(200))
    Path(f"{path}.json").write_text(beside)
    with pytest.raises(TrainingError, match=r"t\.bin\.json"):
        tokens.read(path)


def test_an_array_that_is_a_zip(tmp_path: Path) -> None:
    path = tmp_path / "t.npy"
    with path.open("wb") as file:
        numpy.savez(file, a=numpy.zeros(9))
    with pytest.raises(TrainingError, match="no array"):
        tokens.read(path)


@pytest.mark.parametrize("name", ["t.txt", "t.npy", "t.bin"])
@pytest.mark.parametrize("kind", ["pipe", "zero"])
def test_data_that_may_have_no_end(tmp_path: Path, name: str, kind: str) -> None:
    """A pipe that nobody writes to, and a device: neither is opened."""
    path = tmp_path / name
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(OSError, match="no plain file"):
        text.read(str(path), 4)
    spec = replace(Spec(model=(("width", "8"),)), data=str(path))
    with pytest.raises(preflight.NotPossible, match="no plain file"):
        preflight.check(spec)


def test_stdin_that_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more is read than may be, counted."""

    class Endless(io.RawIOBase):
        given = 0

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            self.given += len(buffer)
            return len(buffer)

    endless = Endless()
    stdin = io.TextIOWrapper(io.BufferedReader(endless))
    monkeypatch.setattr(sys, "stdin", stdin)
    monkeypatch.setattr(text, "LARGEST_STDIN", 1 << 20)
    with pytest.raises(TrainingError, match="stdin: more than 1,048,576 bytes"):
        text.read("-", 4)
    assert endless.given <= (1 << 20) + (1 << 16)


def test_a_folder_of_text_does_not_lead_out(tmp_path: Path) -> None:
    inside, secret = tmp_path / "texts", tmp_path / "secret"
    inside.mkdir()
    secret.write_bytes(b"s" * 100)
    (inside / "a").write_bytes(b"a" * 100)
    (inside / "b").symlink_to(secret)
    (inside / "c").symlink_to(inside / "a")
    found = text.read(str(inside), 4)
    whole = torch.cat([found.training, found.validation]).tolist()
    assert bytes(whole) == b"a" * 200


def _damaged(path: Path, drawn: random.Random) -> None:
    raw = bytearray(path.read_bytes())
    for _ in range(drawn.randint(1, 4)):
        raw[drawn.randrange(min(len(raw), 400))] = drawn.randrange(256)
    path.write_bytes(raw[: drawn.randrange(len(raw))] if drawn.random() < 0.2 else raw)


def _field(path: Path, drawn: random.Random) -> None:
    found = json.loads(path.read_text())
    place = found if drawn.random() < 0.4 else found["settings"]
    place[drawn.choice(sorted(place))] = drawn.choice(VALUES)
    path.write_text(json.dumps(found))


def _seeds() -> Iterator[object]:
    yield range(2_000)
    yield pytest.param(range(2_000, 102_000), marks=pytest.mark.slow)


@pytest.mark.parametrize("seeds", _seeds(), ids=str)
def test_tampered_checkpoints_and_tokens(
    folder: Path, tmp_path: Path, seeds: range
) -> None:
    """What is read is sound, or a TrainingError; nothing else is raised or touched."""
    sound = tmp_path / "sound"
    shutil.copytree(folder / "checkpoint", sound)
    array = tmp_path / "t.npy"
    numpy.save(array, numpy.arange(100, dtype=numpy.uint16))
    whole = array.read_bytes()
    for seed in seeds:
        print("seed", seed)
        drawn = random.Random(seed)
        name = drawn.choice(["training.json", "model.safetensors", "t.npy"])
        try:
            if name == "t.npy":
                array.write_bytes(whole)
                _damaged(array, drawn)
                tokens.read(array)
                continue
            path = folder / "checkpoint" / name
            shutil.copy(sound / name, path)
            change = (
                _field if name.endswith(".json") and drawn.random() < 0.8 else _damaged
            )
            change(path, drawn)
            found = checkpoint.load(folder)
            assert found.settings.steps or found.settings.minutes
            assert replace(found).step >= 0
        except TrainingError as error:
            assert len(str(error)) < 10_000
        finally:
            if name != "t.npy":
                shutil.copy(sound / name, folder / "checkpoint" / name)
    assert (tmp_path / "canary").read_text() == "kept"


@pytest.mark.parametrize(
    "change",
    [{"loss": "x"}, {"tokens": 10**30}, {"status": "great"}, {"reason": 1}, {"x": 1}],
)
def test_a_result_that_no_comparison_wrote_is_none(
    tmp_path: Path, change: dict[str, object]
) -> None:
    path = tmp_path / "r.json"
    sound = asdict(Result("a", "d", 0, loss=1.5))
    path.write_text(json.dumps(sound))
    assert _known(Folder(tmp_path), "r.json", "b") == Result("b", "d", 0, loss=1.5)
    path.write_text(json.dumps({**sound, **change}))
    assert _known(Folder(tmp_path), "r.json", "b") is None


def plant(model: Path, said: Path) -> None:
    """Beside a model, a program that Python would run in its place, whatever it holds:
    an import takes a cache of this kind without a look at the source."""
    cache = Path(cache_from_source(str(model)))
    cache.parent.mkdir(exist_ok=True)
    evil = model.with_name("evil")
    evil.write_text(f"open({str(said)!r}, 'w')\nraise SystemExit\n")
    unchecked = PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(str(evil), str(cache), invalidation_mode=unchecked)


def test_no_bytecode_of_a_folder_is_run(tmp_path: Path) -> None:
    """By train, compare, or a search, which all write the model before they load it."""
    said, place = tmp_path / "ran", tmp_path / "run"
    place.mkdir()
    text = "model m { width = 32; vocab = 256 }\nbackbone { GMemless }\n"
    (place / "model.py").write_text(compiler.compile(text))
    plant(place / "model.py", said)
    emitted.load(place / "model.py")
    first = entry("m", Source("m.star", text), place)
    plant(first.path, said)
    entry("m", Source("m.star", text), place).module()
    log = logging.Logger("test")
    candidate, spec = Candidate(((9, 1, 1, 1, 1),)), Spec()
    prepare_candidate(candidate, spec, place, text, {}, log)
    assert not said.exists()


def test_the_source_of_a_loaded_model_is_at_hand(tmp_path: Path) -> None:
    """For Triton, and for tracebacks: that of the text that was loaded."""
    text = "model m { width = 32; vocab = 256 }\nbackbone { GMemless }\n"
    model = compiler.compile(text)
    module = emitted.of_source(model.encode(), tmp_path / "model.py")
    assert inspect.getsource(module.Model) in model
    emitted.forget(module)
    assert module.__name__ not in sys.modules


def test_a_model_of_a_training_run_that_is_a_link(tmp_path: Path) -> None:
    """--resume writes model.py anew; what a link leads to stays as it is."""
    for folder in (tmp_path / "run", tmp_path / "compared" / "models"):
        folder.mkdir(parents=True)
    (tmp_path / "kept").write_text("kept")
    text = "model m { width = 32; vocab = 256 }\nbackbone { GMemless }\n"
    source = Source("m.star", text)
    path = entry("m", source, tmp_path / "compared").path
    path.unlink()
    for link in (path, tmp_path / "run" / "model.py"):
        link.symlink_to(tmp_path / "kept")
    entry("m", source, tmp_path / "compared")
    _kept("", tmp_path / "run")
    assert (tmp_path / "kept").read_text() == "kept"
    assert not path.is_symlink() and not (tmp_path / "run" / "model.py").is_symlink()


def test_the_results_of_a_comparison_that_are_a_link(tmp_path: Path) -> None:
    folder, outside = tmp_path / "compared", tmp_path / "outside"
    outside.mkdir()
    folder.mkdir()
    data = tmp_path / "data.txt"
    data.write_bytes(b"the quick brown fox\n" * 100)
    text = "model m { width = 32; vocab = 256 }\nbackbone { GMemless }\n"
    one = entry("m", Source("m.star", text), folder)
    (folder / "results").symlink_to(outside)
    recipe = Settings(steps=1, batch=1, context=8, data=str(data), device="cpu")
    with pytest.raises(OSError, match="link"):
        list(compare([one], recipe, [0], folder, lambda *_: None))
    assert not list(outside.iterdir())
