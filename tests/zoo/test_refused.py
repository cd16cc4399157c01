"""What comes from outside is checked: one clear error, and nothing half written."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from starc.folders import Folder
from starc.source import Source
from starc.zoo.checkpoint import INDEX, SINGLE, opened
from starc.zoo.convert import Conversion
from starc.zoo.error import ZooError
from starc.zoo.families import NAMES, family
from starc.zoo.opening import open_configuration
from starc.zoo.reading import read
from starc.zoo.spelling import source

CONFIG = {
    "model_type": "llama",
    "vocab_size": 11,
    "hidden_size": 8,
    "intermediate_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 1,
    "tie_word_embeddings": True,
}


def tensors() -> dict[str, torch.Tensor]:
    layer = "model.layers.0"
    shapes = {
        "model.embed_tokens.weight": (11, 8),
        "model.norm.weight": (8,),
        f"{layer}.input_layernorm.weight": (8,),
        f"{layer}.post_attention_layernorm.weight": (8,),
        **{f"{layer}.self_attn.{name}_proj.weight": (8, 8) for name in "qkvo"},
        **{f"{layer}.mlp.{n}_proj.weight": (8, 8) for n in ("gate", "up", "down")},
    }
    generator = torch.Generator().manual_seed(0)
    return {n: torch.randn(s, generator=generator) for n, s in shapes.items()}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"surprise": 1}, "surprise = 1: a llama has no such field"),
        ({"hidden_act": "mish"}, "hidden_act = mish: it is none of silu"),
        ({"hidden_size": "8"}, "hidden_size is no whole number"),
        ({"hidden_size": 1e99}, "hidden_size is outside"),
        ({"num_hidden_layers": 10**9}, "num_hidden_layers is outside"),
        ({"rms_norm_eps": float("nan")}, "rms_norm_eps is outside"),
        ({"hidden_size": 9}, "cannot say this"),
        ({"is_decoder": True}, "is_decoder = True"),
        ({"architectures": ["LlamaModel"]}, "LlamaForCausalLM is imported"),
        ({"model_type": "no_such"}, "no_such: this family cannot be imported"),
        ({"model_type": None}, "no model_type"),
        ({"rope_scaling": {"type": "strange"}}, "rope_type = strange"),
        ({"rope_parameters": {"rope_theta": 1e4, "odd": 1}}, "odd"),
        ({"quantization_config": {"bits": 4}}, "quantization_config"),
    ],
)
def test_a_field_that_cannot_be_said_is_named(
    changed: dict[str, Any], said: str
) -> None:
    with pytest.raises(ZooError, match=said.replace("(", "\\(")):
        source(read(CONFIG | changed), "m")


@pytest.mark.parametrize("name", ["head_dim", "attention_head_dim", "mamba_headdim"])
def test_what_follows_from_other_fields_is_nothing_else(name: str) -> None:
    """Theirs takes what a file says, whatever the fields that it would follow from."""
    config = {"model_type": "zamba2"}
    stated = 160 if "mamba" not in name else 640
    assert read(config | {name: stated}).values == read(config).values
    with pytest.raises(ZooError, match=f"{name} = 7: only {stated}, which follows"):
        read(config | {name: 7})


def test_all_fields_are_named_at_once() -> None:
    wrong = {"surprise": 1, "hidden_act": "mish", "mlp_bias": 3}
    with pytest.raises(ZooError) as found:
        read(CONFIG | wrong)
    assert len(found.value.lines) == 3


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@settings(max_examples=40)
@given(st.data())
def test_any_values_are_read_or_refused(data: st.DataObject) -> None:
    """No other exception, whatever stands in whichever field."""
    read_or_refused(data)


@pytest.mark.slow
@settings(max_examples=3000)
@given(st.data())
def test_many_values_are_read_or_refused(data: st.DataObject) -> None:
    read_or_refused(data)


def read_or_refused(data: st.DataObject) -> None:
    table = family(data.draw(st.sampled_from(NAMES)))
    names = st.sampled_from([k for n, f in table.fields.items() for k in f.keys(n)])
    config = data.draw(st.dictionaries(names, JSON, max_size=3))
    try:
        source(read({"model_type": table.name, **config}), "m")
    except ZooError as error:
        assert str(error).isprintable() or "\n" in str(error)


@pytest.mark.parametrize(
    "text", ["", "[]", "{", "[" * 10_000, '{"model_type": "llama"', "\x00", "null"]
)
def test_files_that_are_no_configuration(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ZooError, match="config"):
        open_configuration(tmp_path)


def test_no_link_is_followed(tmp_path: Path) -> None:
    outside, inside = tmp_path / "outside.json", tmp_path / "model"
    outside.write_text(json.dumps(CONFIG))
    inside.mkdir()
    (inside / "config.json").symlink_to(outside)
    with pytest.raises(OSError, match="link"):
        open_configuration(inside)


# Weights ------------------------------------------------------------------------------


def convert(folder: Path) -> None:
    reading = read(CONFIG)
    conversion = Conversion(reading, Source("m.star", source(reading, "m")))
    with opened(Folder(folder)) as theirs:
        conversion.forward(theirs, folder / "out.safetensors")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("whole") / SINGLE
    save_file(tensors(), path)
    return path.read_bytes()


def header(change: Callable[[dict[str, Any]], object]) -> Callable[[bytes], bytes]:
    """A file whose header is another, its data as it was."""

    def changed(raw: bytes) -> bytes:
        length = int.from_bytes(raw[:8], "little")
        table = json.loads(raw[8 : 8 + length])
        change(table)
        text = json.dumps(table).encode()
        return len(text).to_bytes(8, "little") + text + raw[8 + length :]

    return changed


NORM = "model.norm.weight"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda raw: raw[:5], "5 bytes, so no safetensors"),
        (lambda raw: raw[:-1], "cut off"),
        (lambda raw: raw + b"x", "1 bytes more"),
        (lambda raw: b"PK\x03\x04" + raw, "header is longer"),
        (lambda raw: (2**63).to_bytes(8, "little") + raw[8:], "header is longer"),
        (lambda raw: raw[:8] + b"[" + raw[9:], "no JSON"),
        (header(lambda t: t.pop("model.embed_tokens.weight")), "leave a hole"),
        (header(lambda t: t[NORM].update(dtype="F7")), "dtype is none of"),
        (header(lambda t: t[NORM].update(shape=[9])), "do not fit together"),
        (header(lambda t: t[NORM].update(shape=[-8])), "shape is outside"),
        (header(lambda t: t[NORM].update(shape=[8.0])), "shape is no whole number"),
        (header(lambda t: t[NORM].update(data_offsets=[0, 32])), "overlap"),
        (
            header(lambda t: t[NORM].update(data_offsets=[1 << 40, (1 << 40) + 32])),
            "cut",
        ),
        (header(lambda t: t[NORM].update(extra=1)), "is not dtype, shape"),
        (header(lambda t: t.update(other=t.pop(NORM))), "norm.weight: is not there"),
        (header(lambda t: t[NORM].update(shape=[4, 2])), r"is \[4, 2\], not \[8\]"),
        (header(lambda t: t[NORM].update(dtype="I32")), None),
    ],
)
def test_weights_that_are_not_right(
    tmp_path: Path, whole: bytes, change: Callable[[bytes], bytes], said: str | None
) -> None:
    (tmp_path / SINGLE).write_bytes(change(whole))
    if said is None:  # other types are moved as they are
        convert(tmp_path)
        return
    with pytest.raises(ZooError, match=said):
        convert(tmp_path)
    assert sorted(os.listdir(tmp_path)) == [SINGLE]


def test_every_cut_is_seen(tmp_path: Path, whole: bytes) -> None:
    for end in range(0, len(whole), 97):
        (tmp_path / SINGLE).write_bytes(whole[:end])
        with pytest.raises(ZooError, match=SINGLE):
            convert(tmp_path)


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04")
    with pytest.raises(ZooError, match="Pickled weights run code"):
        convert(tmp_path)


def test_no_weights(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="Neither model.safetensors nor"):
        convert(tmp_path)


def shards(folder: Path) -> dict[str, str]:
    """The weights in two files, and which tensor is in which."""
    names = sorted(tensors())
    found: dict[str, str] = {}
    for number, some in enumerate((names[:4], names[4:])):
        save_file(
            {n: tensors()[n] for n in some}, folder / f"part-{number}.safetensors"
        )
        found |= dict.fromkeys(some, f"part-{number}.safetensors")
    return found


def test_shards(tmp_path: Path, whole: bytes) -> None:
    index = shards(tmp_path)
    (tmp_path / INDEX).write_text(json.dumps({"weight_map": index}))
    convert(tmp_path)
    single = tmp_path / "single"
    single.mkdir()
    (single / SINGLE).write_bytes(whole)
    convert(single)
    out = "out.safetensors"
    assert (tmp_path / out).read_bytes() == (single / out).read_bytes()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({NORM: "../part-0.safetensors"}, "is no name of a file here"),
        ({NORM: "/etc/passwd"}, "is no name of a file here"),
        ({NORM: "a/part-0.safetensors"}, "is no name of a file here"),
        ({NORM: 3}, "no text"),
        ({NORM: "part-0.safetensors"}, "index"),
        ({"other": "part-0.safetensors"}, "other is not here"),
    ],
)
def test_an_index_leads_nowhere_else(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    index = shards(tmp_path) | change
    (tmp_path / INDEX).write_text(json.dumps({"weight_map": index}))
    with pytest.raises(ZooError, match=said):
        convert(tmp_path)


def test_a_shard_that_is_not_there(tmp_path: Path) -> None:
    index = shards(tmp_path)
    (tmp_path / "part-1.safetensors").unlink()
    (tmp_path / INDEX).write_text(json.dumps({"weight_map": index}))
    with pytest.raises(ZooError, match="part-1.safetensors: is not there, and the"):
        convert(tmp_path)


def test_a_shard_that_is_a_link(tmp_path: Path) -> None:
    index = shards(tmp_path)
    (tmp_path / "part-0.safetensors").rename(tmp_path.parent / "moved.safetensors")
    (tmp_path / "part-0.safetensors").symlink_to(tmp_path.parent / "moved.safetensors")
    (tmp_path / INDEX).write_text(json.dumps({"weight_map": index}))
    with pytest.raises(OSError, match="link"):
        convert(tmp_path)


def test_another_architecture_is_told(tmp_path: Path) -> None:
    reading = read(CONFIG)
    text = source(reading, "m").replace("hidden = 8", "hidden = 16")
    with pytest.raises(ZooError, match="not of the architecture") as found:
        Conversion(reading, Source("m.star", text))
    assert found.value.lines
