"""Graphs of ONNX, in onnxruntime: a prompt, and tokens behind it, one by one."""

import re
from pathlib import Path

import pytest
import torch

from starc import operators
from starc.export.architecture import Architecture
from starc.export.error import ExportError
from starc.export.model import loaded
from starc.source import Source
from tests.emitted.small import SMALL

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

TINY = """
model tiny { width = 16; vocab = 61; context = 32 }
backbone { GConv-1; SA-1(heads = 2); GMemless }
"""
BEHIND = 4
"""Tokens that are computed one by one."""


def written(name: str, folder: Path) -> tuple[Architecture, str]:
    from starc.export import onnx

    text = TINY if name == "tiny" else SMALL[name]
    architecture = Architecture.of(Source(f"{name}.star", text))
    return architecture, onnx.export(architecture, folder / "m.onnx", None, 0)


@torch.no_grad()
@pytest.mark.slow
@pytest.mark.parametrize("name", ["tiny", "lfm2", "linear_attention", "mlp"])
def test_a_prompt_and_tokens_behind_it(name: str, tmp_path: Path) -> None:
    """For another number of rows and tokens than were traced."""
    architecture, said = written(name, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        *("m.onnx", "m.step.onnx", "m.onnx.data"),
    }
    length = architecture.model.context // 2 if "no other" in said else 9
    tokens = torch.randint(61, (3, length + BEHIND), generator=torch.manual_seed(0))
    expected = loaded(architecture, None, 0)(tokens)
    prompt = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    step = onnxruntime.InferenceSession(tmp_path / "m.step.onnx")
    names = [output.name for output in prompt.get_outputs()]
    out = dict(
        zip(
            names,
            prompt.run(names, {"tokens": tokens[:, :length].numpy()}),
            strict=True,
        )
    )
    _close(out["logits"], expected[:, :length])
    asked = {one.name for one in step.get_inputs()}
    for place in range(length, length + BEHIND):
        given = {
            "tokens": tokens[:, place : place + 1].numpy(),
            "position": torch.tensor([place]).numpy(),
            **{f"{name}.before": value for name, value in out.items()},
        }
        given = {name: value for name, value in given.items() if name in asked}
        out = dict(zip(names, step.run(names, given), strict=True))
        _close(out["logits"], expected[:, place : place + 1])


def _close(found: object, expected: torch.Tensor) -> None:
    scale = float(expected.abs().max())
    tensor = torch.as_tensor(found)
    torch.testing.assert_close(tensor, expected, rtol=0, atol=1e-4 * scale)


def test_every_other_operator_is_refused_with_the_liv(tmp_path: Path) -> None:
    """And attention with what has not been tried."""
    from starc.export import onnx

    for name in {*operators.NAMES} - {*onnx.SERVED} | {"attention"}:
        said = "no graph of ONNX is written of this: .*--to hf"
        with pytest.raises(ExportError, match=re.compile(said, re.DOTALL)):
            written(name, tmp_path)
    assert {*onnx.SERVED} <= {*operators.NAMES} and not [*tmp_path.iterdir()]
