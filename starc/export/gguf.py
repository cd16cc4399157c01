"""A GGUF file for llama.cpp, where it computes just this architecture.

Names of tensors and of metadata are those of the package `gguf`, which writes the
file; what llama.cpp computes was read in its sources of 2026, src/models/*.cpp. A
public family gives the configuration and the weights, so what no family of `starc zoo`
has is refused, and so is what llama.cpp leaves out of a family. Needs numpy and gguf,
and torch for new weights.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from gguf import (
    GGML_QUANT_VERSION,
    MODEL_ARCH,
    MODEL_ARCH_NAMES,
    MODEL_TENSOR,
    TENSOR_NAMES,
    GGMLQuantizationType,
    GGUFWriter,
    LlamaFileType,
    RopeScalingType,
    get_tensor_name_map,
)
from numpy.typing import NDArray

from starc import files, working
from starc.export import native, weights
from starc.export.architecture import Architecture
from starc.export.error import ExportError
from starc.ir.nodes import Liv, Model
from starc.values import dataclass
from starc.zoo.arrays import mapped, real
from starc.zoo.checkpoint import SINGLE, Entry, opened, place
from starc.zoo.error import ZooError
from starc.zoo.values import Values

Array = NDArray[Any]
Keys = Callable[[GGUFWriter, Values, Model], None]
Change = Callable[[Array, Values], Array]

HF = "`--to hf` writes a folder of it for transformers"


@dataclass(frozen=True)
class Form:
    """A family as llama.cpp has it.

    keys: writes its numbers. fixed: by kind of operator, what its fields have to be.
    refused: what else it has not, a sentence each. changed: how a tensor is stored, by
    the end of its name in the family. output: has a head of its own even where the
    embedding is the head.
    """

    arch: MODEL_ARCH
    keys: Keys
    fixed: Mapping[str, Mapping[str, tuple[Any, ...]]]
    refused: Callable[[Model], Iterator[str]] = lambda model: iter(())
    changed: Mapping[str, Change] = field(default_factory=dict)
    output: bool = False


def export(
    architecture: Architecture, path: Path, weights_file: Path | None, seed: int
) -> str:
    """Writes the file, and says of which family it is. Raises ExportError, OSError.

    Weights are those of the file, by the emitted model's names, or new ones. There is
    no tokenizer in it: it takes and gives numbers of tokens.
    """
    try:
        family = native.recognised(architecture)
    except ZooError as error:
        raise ExportError(
            f"llama.cpp computes no such architecture. {error}\n  {HF}"
        ) from None
    form = FORMS.get(family.family)
    title = native.title(family)
    if form is None:
        known = ", ".join(FORMS)
        raise ExportError(
            f"{title} is not written as GGUF; these are: {known}\n  {HF}, which "
            "llama.cpp's own converter may read"
        )
    name = MODEL_ARCH_NAMES[form.arch]
    wrong = [*_not_fixed(form, architecture.model), *form.refused(architecture.model)]
    if wrong:
        found = f"llama.cpp's {name} does not compute all of this model:"
        raise ExportError("\n  ".join([found, *dict.fromkeys(wrong), HF]))
    with TemporaryDirectory(prefix=".starc-gguf-", dir=path.parent) as folder:
        theirs = Path(folder) / SINGLE
        with (
            files.hidden(Path(folder), path),
            weights.of(architecture, weights_file, seed) as outputs,
        ):
            native.write_weights(architecture, family, outputs, weights_file, theirs)
        place_, file = place(theirs)
        with opened(place_, file) as entries, files.replaced(path) as temporary:
            _write(architecture, form, family.reading.values, entries, temporary)
    return f"as {name} of llama.cpp, without a tokenizer"


# What is refused ----------------------------------------------------------------------


def _not_fixed(form: Form, model: Model) -> Iterator[str]:
    for liv in _livs(model):
        for name, allowed in form.fixed.get(liv.operator.kind, {}).items():
            found = getattr(liv.operator, name)
            if found not in allowed:
                said = " or ".join(str(one).lower() for one in allowed)
                yield f"{liv.label}: {name} is {str(found).lower()}, there {said}"


def _livs(model: Model) -> Iterator[Liv]:
    for layer in model.layers():
        yield from layer.livs


def _rotations(model: Model, scalings: tuple[str, ...], whole: bool) -> Iterator[str]:
    """whole: all channels of a head have to turn."""
    for liv in _livs(model):
        rope = getattr(liv.operator, "rope", None)
        if liv.operator.kind != "attention":
            continue
        if rope is None:
            yield f"{liv.label}: has no rotary positions, there all attention has"
            continue
        kind = rope.scaling.kind if rope.scaling else "none"
        if kind not in scalings:
            there = " or ".join(scalings)
            yield f"{liv.label}: rope's scaling is {kind}, there {there}"
        if rope.adjacent or rope.spread:
            yield f"{liv.label}: rope turns other pairs than halves of a head"
        if rope.amplitude != 1.0:
            yield f"{liv.label}: rope's amplitude is {rope.amplitude:g}, there 1"
        if whole and rope.dims != getattr(liv.operator, "head_dim", 0):
            yield f"{liv.label}: rope turns {rope.dims} channels of a head, there all"


def _plain_rotations(model: Model) -> Iterator[str]:
    return _rotations(model, ("none", "linear"), whole=True)


def _of_llama(model: Model) -> Iterator[str]:
    return _rotations(model, ("none", "linear", "llama3"), whole=True)


def _own_head(model: Model) -> Iterator[str]:
    if not model.tied:
        yield "model: tied is false, and Gemma's head is its embedding there"


def _of_gemma(model: Model) -> Iterator[str]:
    yield from _plain_rotations(model)
    yield from _own_head(model)


def _scores(model: Model, largest: int) -> Iterator[str]:
    """largest: layers of the size whose heads are scaled by the width."""
    attention = [liv for liv in _livs(model) if liv.operator.kind == "attention"]
    for liv in attention:
        operator: Any = liv.operator
        channels = operator.head_dim
        if len(attention) == largest:
            channels = model.width // operator.heads
        scale = operator.scale or operator.head_dim**-0.5
        if not math.isclose(scale, channels**-0.5, rel_tol=1e-6):
            yield f"{liv.label}: scale is {scale:g}, there 1 / sqrt({channels})"


def _of_gemma_2(model: Model) -> Iterator[str]:
    yield from _of_gemma(model)
    yield from _scores(model, 46)
    caps = set()
    for liv in _livs(model):
        cap = getattr(liv.operator, "softcap", None)
        if cap is not None:
            caps.add(cap)
        if cap == 0:
            yield f"{liv.label}: softcap is none, and there all scores are capped"
    if len(caps) > 1:
        yield "model: attention has several values of softcap, there one"


def _of_gemma_3(model: Model) -> Iterator[str]:
    yield from _of_gemma(model)
    yield from _scores(model, 62)
    yield from _scaled_windows(model)


def _scaled_windows(model: Model) -> Iterator[str]:
    for liv in _livs(model):
        rope = getattr(liv.operator, "rope", None)
        if rope and rope.scaling and getattr(liv.operator, "window", 0):
            yield f"{liv.label}: rope is scaled in a window, there it is not"


def _of_olmo_3(model: Model) -> Iterator[str]:
    yield from _plain_rotations(model)
    yield from _scaled_windows(model)


def _of_mamba(model: Model) -> Iterator[str]:
    for liv in _livs(model):
        operator: Any = liv.operator
        if operator.inner != 2 * model.width:
            yield f"{liv.label}: has {operator.inner} channels, there 2 x the width"
        if operator.norms != "none" and operator.norm_eps not in (0, model.norm.eps):
            yield (
                f"{liv.label}: norm_eps is {operator.norm_eps:g}, there that of the "
                f"model, {model.norm.eps:g}"
            )


# Numbers ------------------------------------------------------------------------------


def _of_stream(writer: GGUFWriter, values: Values, eps: str) -> None:
    writer.add_vocab_size(values["vocab_size"])
    writer.add_embedding_length(values["hidden_size"])
    writer.add_block_count(values["num_hidden_layers"])
    writer.add_layer_norm_rms_eps(values[eps])


def _dense(writer: GGUFWriter, values: Values, model: Model) -> None:
    """Attention and a gated unit in each layer."""
    _of_stream(writer, values, "rms_norm_eps")
    writer.add_context_length(values["max_position_embeddings"])
    writer.add_feed_forward_length(values["intermediate_size"])
    _heads(writer, values)
    writer.add_head_count_kv(values["num_key_value_heads"])
    rope = values["rope_parameters"]
    if "theta" in rope:
        _rotation(writer, rope)
        return
    full, sliding = rope["full_attention"], rope["sliding_attention"]
    _rotation(writer, full)
    writer.add_rope_freq_base_swa(sliding["theta"])


def _heads(writer: GGUFWriter, values: Values) -> None:
    writer.add_head_count(values["num_attention_heads"])
    channels = values.get("head_dim")
    if channels is None:
        channels = values["hidden_size"] // values["num_attention_heads"]
    writer.add_key_length(channels)
    writer.add_value_length(channels)
    writer.add_rope_dimension_count(channels)


def _rotation(writer: GGUFWriter, rope: Mapping[str, Any]) -> None:
    writer.add_rope_freq_base(rope["theta"])
    if rope["scaling"] == "linear":
        writer.add_rope_scaling_type(RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["factor"])


def _windowed(writer: GGUFWriter, values: Values, model: Model) -> None:
    """The same, with a window in some layers."""
    _dense(writer, values, model)
    sliding = [kind == "sliding_attention" for kind in values["layer_types"]]
    if any(sliding):
        writer.add_sliding_window(values["sliding_window"])
        writer.add_sliding_window_pattern(sliding)
    if values.get("attn_logit_softcapping"):
        writer.add_attn_logit_softcapping(values["attn_logit_softcapping"])
    if values.get("final_logit_softcapping"):
        writer.add_final_logit_softcapping(values["final_logit_softcapping"])


def _lfm2(writer: GGUFWriter, values: Values, model: Model) -> None:
    """Layers without attention have no heads of keys: that is how they are known."""
    _of_stream(writer, values, "norm_eps")
    writer.add_context_length(values["max_position_embeddings"])
    hidden = next(liv.operator for liv in _livs(model) if liv.operator.kind == "glu")
    writer.add_feed_forward_length(getattr(hidden, "hidden", 0))
    _heads(writer, values)
    conv = [kind == "conv" for kind in values["layer_types"]]
    writer.add_head_count_kv([0 if c else values["num_key_value_heads"] for c in conv])
    writer.add_shortconv_l_cache(values["conv_L_cache"])
    _rotation(writer, values["rope_parameters"])


def _mamba_around(writer: GGUFWriter, values: Values, model: Model) -> None:
    """The engine asks for a context, and for heads and hidden channels: none."""
    _of_stream(writer, values, "layer_norm_epsilon")
    writer.add_context_length(model.context)
    writer.add_feed_forward_length(0)
    writer.add_head_count(0)
    writer.add_ssm_conv_kernel(values["conv_kernel"])
    writer.add_ssm_state_size(values["state_size"])


def _mamba(writer: GGUFWriter, values: Values, model: Model) -> None:
    _mamba_around(writer, values, model)
    writer.add_ssm_inner_size(values["intermediate_size"])
    writer.add_ssm_time_step_rank(values["time_step_rank"])
    norms = any(getattr(liv.operator, "norms", "") != "none" for liv in _livs(model))
    writer.add_ssm_dt_b_c_rms(norms)


def _mamba_2(writer: GGUFWriter, values: Values, model: Model) -> None:
    _mamba_around(writer, values, model)
    writer.add_ssm_inner_size(values["num_heads"] * values["head_dim"])
    writer.add_ssm_time_step_rank(values["num_heads"])
    writer.add_ssm_group_count(values["n_groups"])


# Tensors ------------------------------------------------------------------------------


def _turned(heads: str) -> Change:
    """Pairs of channels that turn stand beside each other, not half a head apart."""

    def change(array: Array, values: Values) -> Array:
        count = int(values[heads])
        rows = array.reshape(count, 2, -1, *array.shape[1:])
        return rows.swapaxes(1, 2).reshape(array.shape)

    return change


def _taps(array: Array, values: Values) -> Array:
    """(channels, 1, taps) -> (channels, taps)"""
    return array.reshape(array.shape[0], array.shape[-1])


def _rate(array: Array, values: Values) -> Array:
    """a_log -> a"""
    found: Array = -np.exp(array)
    return found


def _column(array: Array, values: Values) -> Array:
    return array.reshape(*array.shape, 1)


def _by_group(array: Array, values: Values) -> Array:
    return array.reshape(int(values["n_groups"]), -1)


def _plus_one(array: Array, values: Values) -> Array:
    found: Array = array + np.float32(1)
    return found


_LLAMA_TURNED: Mapping[str, Change] = {
    f"{name}_proj.{part}": _turned(heads)
    for name, heads in (("q", "num_attention_heads"), ("k", "num_key_value_heads"))
    for part in ("weight", "bias")
}
_SILU = {"activation": ("silu",)}
_PLAIN = {"bias": (False,), "out_bias": (False,)}
_NO_WINDOW = {"window": (0,)}
_BIASED_QKV = {"out_bias": (False,), **_NO_WINDOW}
_LLAMA = Form(
    MODEL_ARCH.LLAMA,
    _dense,
    {"attention": _NO_WINDOW, "glu": _SILU},
    _of_llama,
    _LLAMA_TURNED,
)
_GELU = {"activation": ("gelu",)}

FORMS: dict[str, Form] = {
    "llama": _LLAMA,
    "mistral": _LLAMA,
    "qwen2": Form(
        *(MODEL_ARCH.QWEN2, _dense),
        {"attention": _BIASED_QKV, "glu": {**_SILU, **_PLAIN}},
        _plain_rotations,
    ),
    "qwen3": Form(
        *(MODEL_ARCH.QWEN3, _dense),
        {"attention": _BIASED_QKV, "glu": {**_SILU, **_PLAIN}},
        _plain_rotations,
    ),
    "lfm2": Form(
        *(MODEL_ARCH.LFM2, _lfm2),
        {
            "attention": {**_PLAIN, **_NO_WINDOW},
            "gated_conv": {**_PLAIN, "filter_bias": (False,)},
        },
        _plain_rotations,
        {"conv.conv.weight": _taps},
    ),
    "mamba": Form(
        *(MODEL_ARCH.MAMBA, _mamba),
        {"selective_scan": _PLAIN},
        _of_mamba,
        {"A_log": _rate, "conv1d.weight": _taps},
    ),
    "mamba2": Form(
        *(MODEL_ARCH.MAMBA2, _mamba_2),
        {"ssd": {**_PLAIN, "norm_eps": (0.0,), "dt_min": (0.0,), "dt_max": (0.0,)}},
        changed={
            "A_log": lambda array, values: _column(_rate(array, values), values),
            "mixer.D": _column,
            "conv1d.weight": _taps,
            "mixer.norm.weight": _by_group,
        },
    ),
    "gemma": Form(
        *(MODEL_ARCH.GEMMA, _dense),
        {"attention": _PLAIN, "glu": _GELU},
        _of_gemma,
        {"norm.weight": _plus_one},
    ),
    "gemma2": Form(
        *(MODEL_ARCH.GEMMA2, _windowed),
        {"attention": _PLAIN, "glu": _GELU},
        _of_gemma_2,
        {"norm.weight": _plus_one},
    ),
    "gemma3_text": Form(
        *(MODEL_ARCH.GEMMA3, _windowed),
        {"attention": {**_PLAIN, "softcap": (0.0,)}, "glu": _GELU},
        _of_gemma_3,
        {"norm.weight": _plus_one},
    ),
    "olmo2": Form(
        *(MODEL_ARCH.OLMO2, _dense),
        {"attention": _PLAIN, "glu": _SILU},
        _plain_rotations,
        output=True,
    ),
    "olmo3": Form(
        *(MODEL_ARCH.OLMO2, _windowed),
        {"attention": _PLAIN, "glu": _SILU},
        _of_olmo_3,
        output=True,
    ),
}
FORMS["falcon_mamba"] = FORMS["mamba"]

_NAMED = {"dt_bias": "dt_proj.bias"}
"""Ends of names that gguf's table has otherwise."""

_KINDS = {
    "F16": (GGMLQuantizationType.F16, LlamaFileType.MOSTLY_F16),
    "BF16": (GGMLQuantizationType.BF16, LlamaFileType.MOSTLY_BF16),
}
_WHOLE = (GGMLQuantizationType.F32, LlamaFileType.ALL_F32)
_SMALL = re.compile(r".*(_norm|conv1d|shortconv\.conv)\.weight")
"""Tensors that the engine reads in float32 alone, as those of one axis."""


@dataclass(frozen=True)
class Tensor:
    """As it is stored. made: gives its numbers."""

    name: str
    shape: tuple[int, ...]
    kind: GGMLQuantizationType
    made: Callable[[], Array]

    @property
    def size(self) -> int:
        wide = 4 if self.kind == GGMLQuantizationType.F32 else 2
        return math.prod(self.shape) * wide


def _write(
    architecture: Architecture,
    form: Form,
    values: Values,
    entries: Mapping[str, Entry],
    path: Path,
) -> None:
    writer = GGUFWriter(path, MODEL_ARCH_NAMES[form.arch])
    embedding = next(one for name, one in entries.items() if "embed" in name)
    writer.add_type("model")
    writer.add_name(architecture.plan.model)
    writer.add_quantization_version(GGML_QUANT_VERSION)
    writer.add_file_type(_KINDS.get(embedding.kind, _WHOLE)[1])
    form.keys(writer, values, architecture.model)
    writer.add_tokenizer_model("none")
    tensors = [*_tensors(form, values, entries)]
    for one in tensors:
        stored = np.dtype(np.float32 if one.size == 4 * math.prod(one.shape) else "u2")
        writer.add_tensor_info(one.name, one.shape, stored, one.size, one.kind)
    try:
        writer.write_header_to_file(path)
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        assert writer.fout is not None
        (file,) = writer.fout
        done, total = 0, sum(one.size for one in tensors)
        for one in tensors:
            writer.write_padding(file, file.tell())
            found = np.ascontiguousarray(one.made())
            assert found.shape == one.shape and found.nbytes == one.size, one.name
            file.write(found.data)
            writer.write_padding(file, found.nbytes)
            done += one.size
            working.tell(done, total)
    finally:
        writer.close()


def _tensors(
    form: Form, values: Values, entries: Mapping[str, Entry]
) -> Iterator[Tensor]:
    names = get_tensor_name_map(form.arch, int(values["num_hidden_layers"]))
    given = dict(entries)
    if form.output and "lm_head.weight" not in given:
        given["lm_head.weight"] = given["model.embed_tokens.weight"]
    rope = values.get("rope_parameters") or {}
    if rope.get("scaling") == "llama3":
        factors = _llama_3(rope, values)
        name = f"{TENSOR_NAMES[MODEL_TENSOR.ROPE_FREQS]}.weight"
        yield Tensor(name, factors.shape, _WHOLE[0], lambda: factors)
    for theirs, entry in given.items():
        for old, new in _NAMED.items():
            theirs = theirs.removesuffix(old) + new if theirs.endswith(old) else theirs
        ours = names.get_name(theirs, (".weight", ".bias"))
        assert ours is not None, f"{theirs}: gguf has no name for it"
        yield _stored(ours, theirs, entry, form, values)


def _stored(name: str, theirs: str, entry: Entry, form: Form, values: Values) -> Tensor:
    changes = [one for end, one in form.changed.items() if theirs.endswith(end)]
    shape: Array = np.broadcast_to(np.float32(0), entry.shape)
    for change in changes:
        shape = change(shape, values)  # of no memory
    small = shape.ndim < 2 or _SMALL.fullmatch(name) or not name.endswith(".weight")
    kind = _WHOLE[0] if small else _KINDS.get(entry.kind, _WHOLE)[0]

    def made() -> Array:
        found: Array = mapped(entry)
        if kind == _WHOLE[0]:
            found = real(found, entry.kind).astype("<f4", copy=False)
        for change in changes:
            found = change(found, values)
        return found

    return Tensor(name, shape.shape, kind, made)


def _llama_3(rope: Mapping[str, Any], values: Values) -> Array:
    """What the frequencies of a head are divided by; Llama 3.1's, by wavelength."""
    channels = int(values["head_dim"])
    exponents = np.arange(0, channels, 2, dtype=np.float32) / np.float32(channels)
    lengths = 2 * math.pi * np.float32(rope["theta"]) ** exponents
    turns = rope["context"] / lengths
    slow, fast, factor = rope["slow"], rope["fast"], rope["factor"]
    part = np.clip((turns - slow) / (fast - slow), 0, 1)
    found: Array = (1 / ((1 - part) / factor + part)).astype("<f4")
    return found
