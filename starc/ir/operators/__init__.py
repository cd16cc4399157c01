"""The operators, one a file. To add one: a class here, a template, a reference."""

from starc.ir.operators.attention import Attention, Rope
from starc.ir.operators.gated_conv import GatedConv
from starc.ir.operators.gated_linear_attention import GatedLinearAttention
from starc.ir.operators.glu import Glu
from starc.ir.operators.linear_attention import LinearAttention
from starc.ir.operators.long_conv import LongConv
from starc.ir.operators.min_gru import MinGru
from starc.ir.operators.rg_lru import RgLru
from starc.ir.operators.selective_scan import SelectiveScan
from starc.ir.operators.ssd import Ssd

__all__ = [
    "Attention",
    "GatedConv",
    "GatedLinearAttention",
    "Glu",
    "LinearAttention",
    "LongConv",
    "MinGru",
    "RgLru",
    "Rope",
    "SelectiveScan",
    "Ssd",
]
