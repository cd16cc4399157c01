"""Programs of torch.export: loaded and run in another process, at other sizes."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from starc import operators
from starc.export import torch_export
from starc.export.architecture import Architecture
from starc.export.error import ExportError
from starc.export.model import loaded
from starc.source import Source
from tests.emitted.small import SMALL, TEXTS
from tests.export.full_disk import full_after

TINY = """
model tiny { width = 16; vocab = 61; context = 32 }
backbone { GConv-1; SA-1(heads = 2); MLP(shift = true); MoE(experts = 4, hidden = 12) }
"""
RUN = """
import sys, torch
program = torch.export.load(sys.argv[1]).module()
torch.save([program(given) for given in torch.load(sys.argv[2])], sys.argv[3])
assert not any(name.startswith("starc") for name in sys.modules)
"""


@pytest.mark.parametrize(
    "name",
    [
        "tiny",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in (*TEXTS, "moe_hybrid")
        ),
    ],
)
def test_another_process_gets_the_same(name: str, tmp_path: Path) -> None:
    text = TINY if name == "tiny" else SMALL[name]
    architecture = Architecture.of(Source(f"{name}.star", text))
    said = torch_export.export(architecture, tmp_path / "m.pt2", None, 0)
    shapes = [(2, 6), (3, 17), (4, 32)]
    if "no other" in said:
        shapes = [(n, architecture.model.context) for n in (2, 3)]
    given = [torch.randint(61, shape) for shape in shapes]
    torch.save(given, tmp_path / "in")
    subprocess.run(
        [
            sys.executable,
            "-c",
            RUN,
            tmp_path / "m.pt2",
            tmp_path / "in",
            tmp_path / "o",
        ],
        check=True,
        cwd=tmp_path,
    )
    model = loaded(architecture, None, 0)
    for tokens, found in zip(given, torch.load(tmp_path / "o"), strict=True):
        torch.testing.assert_close(found, model(tokens), rtol=1e-4, atol=1e-5)


def test_a_full_disk(tmp_path: Path) -> None:
    """torch would end the process."""
    architecture = Architecture.of(Source("tiny.star", TINY))
    with full_after(2_000, tmp_path / "m.pt2"):
        torch_export.export(architecture, tmp_path / "m.pt2", None, 0)


@pytest.mark.parametrize("kind", [RuntimeError, AttributeError])
def test_what_torch_cannot_trace_is_refused(
    kind: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the LIV, and what to do, whatever it meets."""

    def broken(*given: Any) -> Any:
        def forward(*_: Any) -> None:
            raise kind("no graph of this")

        model = loaded(*given)
        model.attn_1.forward = forward
        return model

    monkeypatch.setattr(torch_export, "loaded", broken)
    architecture = Architecture.of(Source("tiny.star", TINY))
    said = r"at `attn_1`, attn_1 of the file: no graph of this\n.*--to hf"
    with pytest.raises(ExportError, match=said):
        torch_export.export(architecture, tmp_path / "m.pt2", None, 0)
    assert not [*tmp_path.iterdir()]


def test_the_sweep_has_every_operator() -> None:
    assert {*operators.NAMES} <= {*TEXTS}
