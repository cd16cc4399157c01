"""What families with the gated delta rule have in common."""

from collections.abc import Sequence
from typing import Any

from starc.zoo.family import Part
from starc.zoo.field import Default, Field, whole
from starc.zoo.kinds import FULL, every, layer_types
from starc.zoo.tensor import Made, Names, Shape, middle_axis
from starc.zoo.values import Values

LINEAR = "linear_attention"


def sizes(
    heads: Default, groups: Default, key_dim: Default, head_dim: Default
) -> dict[str, Field]:
    """Heads of values and of keys, the channels of each, and the convolution."""
    return {
        "linear_num_key_heads": whole(groups, "delta.groups", null=groups, high=4096),
        "linear_num_value_heads": whole(heads, "delta.heads", null=heads, high=4096),
        "linear_key_head_dim": whole(key_dim, "delta.key_dim", null=key_dim, high=8192),
        "linear_value_head_dim": whole(
            head_dim, "delta.head_dim", null=head_dim, high=8192
        ),
        "linear_conv_kernel_dim": whole(4, "delta.kernel", low=2, high=16),
    }


def every_fourth() -> dict[str, Field]:
    """A layer in four has attention, if nothing else is said."""
    return {"layer_types": layer_types((FULL, LINEAR), every(4, LINEAR, FULL))}


def apart(module: str) -> Names:
    """q, k and v with a convolution each."""
    found: Names = {f"{module}.{g}_proj.weight": f"{g}.weight" for g in "qkv"}
    return found | {
        f"{module}.{g}_conv1d.weight": Made(f"{g}.conv.weight", theirs=middle_axis)
        for g in "qkv"
    }


def together(module: str, projections: Names) -> Part:
    """Qwen's: one convolution for q, k and v."""
    taps = "q.conv.weight k.conv.weight v.conv.weight"
    names: Names = {
        "input_layernorm.*": "norm.*",
        f"{module}.conv1d.weight": Made(taps, theirs=middle_axis),
        **{f"{module}.{name}": ours for name, ours in projections.items()},
        f"{module}.A_log": "a_log",
        f"{module}.dt_bias": "dt_bias",
        f"{module}.norm.weight": "norm_weight",
        f"{module}.out_proj.weight": "out.weight",
    }
    return Part("delta", "GatedDelta", names)


def by_key_head(*expanded: bool) -> Any:
    """Groups one under the other in ours, and in theirs a head of keys at a time.

    expanded: of each group, whether a head of keys has several heads of values of it.
    """

    def order(shape: Shape, values: Values) -> Sequence[int]:
        heads = values["linear_num_key_heads"]
        each = values["linear_num_value_heads"] // heads
        if len(expanded) == 2:
            widths = [each, each]
        else:
            key, value = values["linear_key_head_dim"], values["linear_value_head_dim"]
            widths = [each * value if wide else key for wide in expanded]
        starts = [heads * sum(widths[:i]) for i in range(len(widths))]
        return [
            start + head * width + row
            for head in range(heads)
            for start, width in zip(starts, widths, strict=True)
            for row in range(width)
        ]

    return order


def query_and_gate(shape: Shape, values: Values) -> Sequence[int]:
    """q above the gate in ours; in theirs a head of q, then its gate."""
    dim, half = int(values["head_dim"]), shape[0] // 2
    return [
        part * half + head * dim + row
        for head in range(half // dim)
        for part in (0, 1)
        for row in range(dim)
    ]
