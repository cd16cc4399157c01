"""The templates, one a file. A new operator: a class in ir/operators, a file here.

Where a combination of structures fits two of them, the first is meant.
"""

from starc.alphabet.template import Template
from starc.alphabet.templates import (
    attention,
    gated_conv,
    gated_linear_attention,
    glu,
    linear_attention,
    long_conv,
    min_gru,
    rg_lru,
    selective_scan,
    ssd,
)

TEMPLATES: tuple[Template, ...] = (
    attention.TEMPLATE,
    linear_attention.TEMPLATE,
    gated_linear_attention.TEMPLATE,
    gated_conv.TEMPLATE,
    long_conv.TEMPLATE,
    selective_scan.TEMPLATE,
    ssd.TEMPLATE,
    rg_lru.TEMPLATE,
    min_gru.TEMPLATE,
    glu.TEMPLATE,
)
