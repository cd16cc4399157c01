"""Documents are kept apart: how their ends are read, and what is learned of them."""

import json
from dataclasses import replace
from pathlib import Path

import numpy
import pytest
import torch
from torch.nn import functional as F

from starc import compiler
from starc.evolve.evaluation import preflight
from starc.training import documents, text
from starc.training.run import Run, prepare
from starc.training.sample import continuation
from starc.training.settings import Settings, TrainingError
from tests.evolve.evaluation import small

STUB = Path(__file__).parent / "stub_model.py"
SETTINGS = Settings(steps=3, batch=3, context=24, device="cpu", dtype="float32")
MODEL = """
model m { width = 32; vocab = 256; context = 32 }
backbone {
  parallel { SA-1(heads = 2, window = 7); Mamba-2(head_dim = 16, states = 8) }
  GConv-1; GMemless
}
"""
TEXTS = ["one", "", "twø", "three words here", "5"] * 9


@pytest.fixture
def data(tmp_path: Path) -> str:
    path = tmp_path / "some.jsonl"
    lines = (json.dumps({"n": i, "text": text}) for i, text in enumerate(TEXTS))
    path.write_text("\n\n".join(lines) + "\n")
    return str(path)


@pytest.fixture
def run(tmp_path: Path, data: str) -> Run:
    path = tmp_path / "model.py"
    path.write_text(compiler.compile(MODEL))
    return prepare(path, replace(SETTINGS, data=data))


def test_each_line_is_a_document_with_an_end(data: str) -> None:
    read = text.read(data, 8)
    whole = bytes(torch.cat([read.training, read.validation]).tolist())
    expected = [text.encode() + b"\xff" for text in TEXTS if text]
    assert whole == b"".join(expected)
    assert read.end == 255 and read.vocab == 256
    in_all = sum(len(text.encode()) for text in TEXTS)
    assert read.bytes_a_token == pytest.approx(in_all / len(whole))


@pytest.mark.parametrize(
    "line",
    [
        b"text",
        b'"text"',
        b"[]",
        b"7",
        b"null",
        b'{"txt": "a"}',
        b'{"text": 3}',
        b'{"text": ["a"]}',
        b'{"text": "\xff"}',
        b'{"text": "\\ud800"}',
        b'{"text": "a"} {"text": "b"}',
        b"[" * 100_000,
    ],
)
def test_a_line_that_is_none_is_said(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "fine"}\n' + line)
    with pytest.raises(TrainingError, match=r"a\.jsonl:2: .*{\"text\""):
        text.read(str(path), 4)


def test_an_end_token_stands_beside_the_tokens(tmp_path: Path) -> None:
    path, beside = tmp_path / "a.npy", tmp_path / "a.npy.json"
    numpy.save(path, numpy.arange(1000, dtype=numpy.uint16) % 50)
    without = text.read(str(path), 4)
    assert without.end is None
    beside.write_text('{"end": 49}')
    found = text.read(str(path), 4)
    assert found.end == 49 and found.digest != without.digest
    for wrong in ("-1", "true", '"49"', "1.5", "50"):  # 50 is not among them
        beside.write_text(f'{{"end": {wrong}}}')
        with pytest.raises(TrainingError, match=r"a\.npy\.json: .*end"):
            text.read(str(path), 4)


def test_the_row_of_windows() -> None:
    window = torch.tensor([[1, 9, 2, 3, 4], [5, 6, 7, 9, 8]])
    tokens, borders, targets = documents.packed(window, 9)
    assert tokens.tolist() == [[1, 9, 2, 3, 5, 6, 7, 9]]
    assert borders.tolist() == [0, 2, 4, 8]
    assert targets.tolist() == [9, -100, 3, 4, 6, 7, 9, -100]


def test_the_loss_is_that_of_each_document_alone(run: Run) -> None:
    torch.manual_seed(0)
    run.model.double()
    window = run.text.batch(3, 24)
    losses = []
    for row in window.tolist():
        parts = bytes(row).split(b"\xff")
        for n, part in enumerate(parts):
            whole = part + b"\xff" * (n < len(parts) - 1)
            if len(whole) > 1:
                alone = torch.tensor([list(whole)])
                logits = run.model(alone[:, :-1])[0]
                losses.append(F.cross_entropy(logits, alone[0, 1:], reduction="none"))
    expected = torch.cat(losses).mean()
    found = run._loss(window)
    assert torch.allclose(found.double(), expected, rtol=1e-5)


def test_nothing_but_ends_teaches_nothing(run: Run) -> None:
    loss = run._loss(torch.full((2, 5), 255))
    assert loss == 0.0
    loss.backward()


def test_it_trains_and_a_sample_ends_with_its_document(run: Run) -> None:
    losses = [run.take_step().item() for _ in range(3)]
    assert all(0 < loss < 10 for loss in losses) and run.validation_loss(2) > 0
    with torch.no_grad():  # every token is as likely: the end comes at once, or later
        run.model.norm.weight.zero_()
    written = [
        continuation(run.model, [97, 98], 300, seed, end=255) for seed in range(9)
    ]
    assert min(map(len, written)) < 300


@pytest.mark.usefixtures("run")
def test_what_cannot_keep_them_apart_is_refused(data: str) -> None:
    settings = replace(SETTINGS, data=data)
    with pytest.raises(TrainingError, match="takes no cu_seqlens"):
        prepare(STUB, settings)
    path = Path(data).with_name("model.py")
    with pytest.raises(TrainingError, match="--compile"):
        prepare(path, replace(settings, compile=True))


def test_a_search_is_told_before_its_first_candidate(data: str) -> None:
    trainer = replace(small.TRAINER, compile=True, context=8)
    spec = replace(small.SIMULATED, data=data, trainer=trainer)
    with pytest.raises(preflight.NotPossible, match="compile = false"):
        preflight.check(spec)
    preflight.check(replace(spec, trainer=replace(trainer, compile=False)))
