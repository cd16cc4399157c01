"""Pictures: well-formed, complete, and the same shape as what they show."""

import struct
import zlib
from importlib import import_module
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from starc import compiler, passes
from starc.cli.app import app
from starc.draw import architecture, heatmap, picture
from starc.draw.picture import AGAIN, FEATURES, WEIGHTS
from starc.draw.png import png
from starc.ir.descriptions import name_of
from starc.ir.nodes import Model
from starc.source import Source

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "examples").glob("*.star"))

SHARING = """
model mixed { width = 32; vocab = 256; context = 64 }
backbone {
  c1: GConv-1-Diff
  GMemless
  a1: SA-1(heads = 2)
  c2: GConv-1-Diff  weights from c1
  SA-1(heads = 2)   k, v from a1
  parallel { SA-1(heads = 2); Rec-1 }
  m1: GMemless
  GMemless          same as m1
}
"""


def ir(text: str) -> Model:
    return passes.run(compiler.to_ir(text))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_has_a_picture(path: Path) -> None:
    model = ir(path.read_text())
    svg = architecture(model, "a heading")
    root = ElementTree.fromstring(svg)
    assert root.tag.endswith("svg")
    words = " ".join(root.itertext())
    assert all(name_of(liv) in words for liv in model.livs())
    rolled, whole = picture(model), picture(model, rolled=False)
    assert len(whole.columns) == sum(1 for _ in model.layers())
    missing = sum((b.times - 1) * (b.last - b.first + 1) for b in rolled.brackets)
    assert len(rolled.columns) + missing == len(whole.columns)


def test_each_kind_of_sharing_is_an_arc() -> None:
    shown = picture(ir(SHARING))
    found = {(arc.kind, arc.source, arc.target, arc.taken) for arc in shown.arcs}
    assert found == {
        (WEIGHTS, 0, 3, "weights"),
        (FEATURES, 2, 4, "k, v"),
        (AGAIN, 6, 7, "all"),
    }
    assert shown.columns[0].differential
    assert [len(column.boxes) for column in shown.columns] == [2, 1, 1, 2, 1, 2, 1, 1]


def test_names_cannot_break_out_of_the_picture() -> None:
    svg = architecture(ir(SHARING), "</svg><script>alert(1)</script>\0")
    assert "<script" not in svg
    ElementTree.fromstring(svg)


def test_a_png_is_what_was_put_in() -> None:
    rows = [[(255, 0, 0), (0, 255, 0)], [(0, 0, 255), (1, 2, 3)]]
    data = png(rows)
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", data[16:24]) == (2, 2)
    at = data.index(b"IDAT")
    (size,) = struct.unpack(">I", data[at - 4 : at])
    raw = zlib.decompress(data[at + 4 : at + 4 + size])
    assert raw == bytes([0, 255, 0, 0, 0, 255, 0, 0, 0, 0, 255, 1, 2, 3])


@pytest.mark.parametrize("label", ["a1", "c2.a", "parallel_5.rec", "m1"])
def test_mixing_matrices_are_causal(label: str) -> None:
    from starc.draw import operator

    found = operator.mixing(Source("mixed.star", SHARING), label, "a <b>&")
    assert found.tokens == ["a", "␣", "<", "b", ">", "&"]
    for _, matrix in found.maps:
        assert len(matrix) == 6
        assert all(matrix[i][j] == 0 for i in range(6) for j in range(i + 1, 6))
        assert any(matrix[i][i] > 0 for i in range(6))
    ElementTree.fromstring(heatmap.as_svg(found.maps, found.tokens, found.heading))
    assert heatmap.as_png(found.maps).startswith(b"\x89PNG")


def test_the_weights_of_a_trained_model_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from safetensors.torch import save_file

    from starc.draw import operator

    source = Source("mixed.star", SHARING)
    (tmp_path / "drawn_model.py").write_text(compiler.compile(source))
    monkeypatch.syspath_prepend(tmp_path)
    module = import_module("drawn_model")
    torch.manual_seed(1)
    model = module.Model()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    path = tmp_path / "model.safetensors"
    save_file({k: v.clone() for k, v in model.state_dict().items()}, path)
    drawn = operator.mixing(source, "a1", "abcd", str(path))
    random = operator.mixing(source, "a1", "abcd")
    assert drawn.maps != random.maps
    rows = [sum(row) for row in drawn.maps[0][1]]
    assert rows == pytest.approx([1.0] * 4)  # softmax


def call(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [*map(str, arguments)])
    return result.exit_code, result.output + result.stderr


def test_the_command_draws_to_files(tmp_path: Path) -> None:
    star = tmp_path / "mixed.star"
    star.write_text(SHARING)
    assert call("draw", star, "-o", tmp_path / "x.svg") == (0, "")
    ElementTree.parse(tmp_path / "x.svg")
    code, _ = call(
        "draw", star, "--operator", "a1", "--input", "hi", "-o", tmp_path / "t.png"
    )
    assert code == 0 and (tmp_path / "t.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--operator", "attn_9"), "did you mean attn_4"),
        (("--operator", "c1"), "draw c1.a or c1.b"),
        (("--operator", "a1", "--input", ""), "1 to 64"),
        (("--operator", "a1", "--input", "x" * 65), "65 bytes"),
        (("--input", "x"), "go with --operator"),
    ],
)
def test_mistakes_are_said(
    tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    star = tmp_path / "mixed.star"
    star.write_text(SHARING)
    code, output = call("draw", star, *arguments)
    assert code and says in output
    assert "Traceback" not in output
