"""Graphs of ONNX, in onnxruntime: a prompt, and tokens behind it, one by one."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from starc import operators
from starc.export.architecture import Architecture
from starc.export.error import ExportError
from starc.export.model import loaded
from starc.source import Source
from tests.emitted.small import SMALL, TEXTS

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

from starc.export import onnx, stand_ins  # noqa: E402

TINY = """
model tiny { width = 16; vocab = 61; context = 32 }
backbone { GConv-1; SA-1(heads = 2); GMemless }
"""
BEHIND = 4
"""Tokens that are computed one by one."""


def written(text: str, folder: Path) -> Architecture:
    architecture = Architecture.of(Source("m.star", text))
    onnx.export(architecture, folder / "m.onnx", None, 0)
    assert {path.name for path in folder.iterdir()} == {
        *("m.onnx", "m.step.onnx", "m.onnx.data"),
    }
    return architecture


class Runtime:
    """Both graphs: logits of a prompt, then of one token after the other."""

    def __init__(self, folder: Path) -> None:
        self.prompt = onnxruntime.InferenceSession(folder / "m.onnx")
        self.step = onnxruntime.InferenceSession(folder / "m.step.onnx")
        self.asked = {one.name for one in self.step.get_inputs()}
        self.kept: dict[str, Any] = {}

    def start(self, tokens: Tensor) -> Tensor:
        return self._run(self.prompt, {"tokens": tokens.numpy()})

    def next(self, tokens: Tensor, position: int) -> Tensor:
        given = {
            "tokens": tokens.numpy(),
            "position": torch.tensor([position]).numpy(),
            **{f"{name}.before": value for name, value in self.kept.items()},
        }
        asked = {name: value for name, value in given.items() if name in self.asked}
        return self._run(self.step, asked)

    def _run(self, session: Any, given: dict[str, Any]) -> Tensor:
        names = [output.name for output in session.get_outputs()]
        self.kept = dict(zip(names, session.run(names, given), strict=True))
        return torch.as_tensor(self.kept.pop("logits"))


@torch.no_grad()
def check(text: str, folder: Path) -> None:
    """For other numbers of rows and tokens than were traced."""
    architecture = written(text, folder)
    model, runtime = loaded(architecture, None, 0), Runtime(folder)
    context, vocab = architecture.model.context, architecture.model.vocab
    for rows, length in ((1, 2), (3, context // 2 - 1), (2, context - BEHIND)):
        tokens = torch.randint(
            vocab, (rows, length + BEHIND), generator=torch.manual_seed(length)
        )
        expected = model(tokens)
        close(runtime.start(tokens[:, :length]), expected[:, :length])
        for place in range(length, length + BEHIND):
            now = slice(place, place + 1)
            close(runtime.next(tokens[:, now], place), expected[:, now])


def close(found: Tensor, expected: Tensor) -> None:
    scale = float(expected.abs().max())
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4 * scale)


def test_a_prompt_and_tokens_behind_it(tmp_path: Path) -> None:
    check(TINY, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*TEXTS, "moe_hybrid", "mamba2", "griffin"])
def test_every_operator(name: str, tmp_path: Path) -> None:
    """Past the borders of chunks and windows."""
    check(SMALL[name].replace("context = 64", "context = 150"), tmp_path)


def test_the_sweep_has_every_operator() -> None:
    assert {*operators.NAMES} <= {*TEXTS}


@pytest.mark.parametrize("size", [False, True])
def test_what_torch_cannot_trace_is_refused(
    size: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the layer, and what to do; and what holds for the traced sizes alone is."""

    def broken(file: Any, tile: int) -> None:
        whole = file.causal_attention

        def causal_attention(q: Tensor, *more: Any) -> Any:
            if not size:
                raise RuntimeError("no graph of this")
            return whole(q + 0 * len(q), *more)  # a number, where a symbol was

        file.causal_attention = causal_attention

    monkeypatch.setattr(onnx, "stand_in", broken)
    said = (
        "of this model: .*--to hf"
        if size
        else r"at `attn_1`, attn_1 of the file: no graph of this\n.*--to hf"
    )
    with pytest.raises(ExportError, match=re.compile(said, re.DOTALL)):
        written(TINY, tmp_path)
    assert not [*tmp_path.iterdir()]


def test_stand_ins_are_functions_of_the_emitted_file() -> None:
    """Else the file's own would be traced, without a word."""
    home = Path(__file__).parents[2]
    files = [*home.glob("kernels/**/*.py"), *home.glob("templates/functions/*.py")]
    text = "\n".join(file.read_text("utf-8") for file in files)
    names = ("_states", "_delta_graph", "extend_ring", "sliding_attention", "_product")
    for name in (*names, "long_conv_cached", "by_expert", "expert_biases"):
        assert f"def {name}(" in text and hasattr(stand_ins, name)
