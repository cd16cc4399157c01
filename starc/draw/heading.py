"""The line above the picture of an architecture."""

from starc.ir.cost import costs
from starc.ir.nodes import Model
from starc.numerals import counted

BYTES = 2
"""Of a value of the cache."""


def heading(model: Model) -> str:
    """`lfm2: 32 LIVs of width 1024, 354.5 M parameters, 25.6 MB of cache at ...`."""
    found = costs(model, model.context, BYTES).total
    count = sum(1 for _ in model.layers())
    return (
        f"{model.name}: {counted(count, 'LIV')} of width {model.width}, "
        f"{found.params / 1e6:,.1f} M parameters, "
        f"{found.cache_bytes / 1e6:,.1f} MB of cache at {model.context:,} tokens"
    )
