"""The operators, one a folder. To add one: its folder, and its name in the list here.

    operator.py     the IR class: groups, parameters, state, FLOPs
    options.py      TEMPLATE: what a `.star` file may say of it, and what it realises
    emission.py     emission(operator): how the emitted file shows it
    reference.py    mixing(...): T(x) in float64
    cases.py        CASES: small instances and a twin, which the tests read

The last two alone need torch.

A folder is named after its operator's kind, as are the template and the kernel. What
follows from the list follows lazily: a file is imported where it is first asked for.
"""

from importlib import import_module
from typing import Any

NAMES = (
    "attention",
    "latent_attention",
    "linear_attention",
    "gated_linear_attention",
    "retention",
    "mlstm",
    "gated_delta",
    "gated_conv",
    "long_conv",
    "selective_scan",
    "ssd",
    "rg_lru",
    "min_gru",
    "glu",
    "mixture_of_experts",
    "mlp",
    "laurel",
)
"""Where a combination of structures fits two of them, the first is meant."""


def part(name: str, file: str) -> Any:
    """The module `starc/operators/<name>/<file>.py`."""
    return import_module(f"starc.operators.{name}.{file}")
