"""What families with Mamba layers have in common."""

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from starc.artefacts import ArtefactError, integer, real
from starc.values import dataclass
from starc.zoo.family import Part
from starc.zoo.field import Field, ignored, listed, only
from starc.zoo.seen import SILENT, Seen
from starc.zoo.tensor import Made, Names, middle_axis
from starc.zoo.values import Values

START = dict.fromkeys(
    (
        *("time_step_rank", "time_step_min", "time_step_max", "time_step_floor"),
        *("time_step_scale", "time_step_init_scheme", "rescale_prenorm_residual"),
    ),
    ignored("how a new model starts"),
)
COMPUTED = dict.fromkeys(
    ("chunk_size", "mamba_chunk_size", "residual_in_fp32", "num_logits_to_keep"),
    ignored("how it is computed, not what"),
)
_INFINITY = {"__float__": "Infinity"}
"""As files write it: JSON has none."""

CONV_BIAS = only(True, why="a short convolution without biases has no word")


def mamba_2(module: str, norm: str, gated_norm: bool = True) -> Part:
    """A Mamba-2 whose tensors stand below `module`; norm: the one before it."""
    names: Names = {
        f"{norm}.weight": "norm.weight",
        f"{module}.in_proj.*": "z.* x.* b.* c.* dt.*",
        f"{module}.conv1d.weight": Made(
            "x.conv.weight b.conv.weight c.conv.weight", theirs=middle_axis
        ),
        f"{module}.conv1d.bias": "x.conv.bias b.conv.bias c.conv.bias",
        f"{module}.dt_bias": "dt_bias",
        f"{module}.A_log": "a_log",
        f"{module}.D": "skip",
        f"{module}.norm.weight": "norm_weight",
        f"{module}.out_proj.*": "out.*",
    }
    return Part("mamba", "Mamba-2", names)


@dataclass(frozen=True)
class StepLimits(Field):
    """`time_step_limit`: the least and the largest step size."""

    def read(self, name: str, given: Mapping[str, Any], values: Values) -> Any:
        if name not in given:
            return 0.0, math.inf
        pair = listed(given[name], name)
        if len(pair) != 2:
            raise ArtefactError(f"{name} is no pair")
        low, high = (_number(one, name) for one in pair)
        if low > high:
            raise ArtefactError(f"{name}: {low:g} is above {high:g}")
        return low, high

    def settings(self, value: Any, values: Values) -> dict[str, Any]:
        low, high = value
        return {
            "mamba.dt_min": low or None,
            "mamba.dt_max": high if high < math.inf else None,
        }

    def back(self, seen: Seen) -> Any:
        low, high = seen.at("mamba.dt_min"), seen.at("mamba.dt_max")
        if low is SILENT or (low is None and high is None):
            return SILENT
        return [low or 0.0, _INFINITY if high is None else high]


def expansion(seen: Seen) -> Any:
    """Channels of Mamba-2 over the width."""
    heads, head_dim = seen.at("mamba.heads"), seen.at("mamba.head_dim")
    if heads is SILENT:
        return SILENT
    found = Fraction(heads * head_dim, seen.model.width)
    return int(found) if found.denominator == 1 else float(found)


def _number(found: Any, name: str) -> float:
    if found == _INFINITY:
        return math.inf
    return real(found, name, 0, math.inf)


def step_limits() -> StepLimits:
    says = ("mamba.dt_min", "mamba.dt_max")
    return StepLimits(lambda found, name: found, says=says)


def mamba_1(module: str, norm: str) -> Part:
    """A Mamba-1 whose tensors stand below `module`; norm: the one before it."""
    names: Names = {
        f"{norm}.weight": "norm.weight",
        f"{module}.in_proj.*": "x.* z.*",
        f"{module}.conv1d.weight": Made("x.conv.weight", theirs=middle_axis),
        f"{module}.conv1d.bias": "x.conv.bias",
        f"{module}.x_proj.weight": "dt.weight b.weight c.weight",
        f"{module}.dt_proj.weight": "dt_weight",
        f"{module}.dt_proj.bias": "dt_bias",
        f"{module}.dt_layernorm.weight": "dt_norm",
        f"{module}.b_layernorm.weight": "b_norm",
        f"{module}.c_layernorm.weight": "c_norm",
        f"{module}.A_log": "a_log",
        f"{module}.D": "skip",
        f"{module}.out_proj.*": "out.*",
    }
    return Part("mamba", "Mamba-1", names)


@dataclass(frozen=True)
class StepRank(Field):
    """Channels that the step sizes are made of; auto: width / 16, rounded up."""

    def read(self, name: str, given: Mapping[str, Any], values: Values) -> int:
        found = given.get(name, "auto")
        if found == "auto":
            return -(-int(values["hidden_size"]) // 16)
        return integer(found, name, 1, 65_536)


def step_rank() -> StepRank:
    return StepRank(lambda found, name: found, says=("mamba.dt_rank",))
