"""Small models as texts: hybrids, one of each operator, and the examples shrunk."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from starc import operators
from starc.alphabet import template_of
from starc.compiler import to_ir
from starc.ir.nodes import Model
from starc.reference.cases import cases_of
from tests.emitted.helpers import Emitted, emit

EXAMPLES = sorted(Path(__file__).parents[2].glob("examples/*.star"))

HEAD = "width = 32; vocab = 61; context = 64"

TEXTS = {
    "lfm2": f"""
model lfm2 {{ {HEAD} }}
liv conv = GConv-1(kernel = 3)
liv attn = SA-3(heads = 4, kv_heads = 2, qk_norm = true)
backbone {{ 2 x {{ 2 x {{ conv; GMemless }}; attn; GMemless }} }}
""",
    "star": f"""
model star {{ {HEAD} }}
backbone {{
  c1: GConv-1-Diff
  m1: GMemless
  a1: SA-3(heads = 4)
  GMemless(activation = gelu)
  GConv-1-Diff     weights from c1
  a2: SA-3(heads = 4)   weights from a1, k, v from a1
  GMemless         same as m1
  SA-3(heads = 4)  k, v from a2
  s: SA-2-Diff(heads = 2)
  SA-2-Diff(heads = 2)  k from s
}}
""",
    "parallel": f"""
model parallel {{ {HEAD}; tied = false; logit_softcap = 20 }}
backbone {{
  2 x {{
    parallel {{
      SA-4(heads = 4, gate = true, bias = true)
      Mamba-2(expand = 1, head_dim = 16, states = 8, bias = true)
    }}
    GMemless
  }}
  parallel {{ a: SA-1(heads = 2, window = 5); m: Mamba-2(head_dim = 16, states = 8) }}
  SA-1(heads = 2, window = 5)   k, v from a
  Mamba-2(head_dim = 16, states = 8)   weights from m
}}
""",
    "shared_block": f"""
model shared_block {{ {HEAD}; norm = layer; placement = sandwich }}
backbone {{
  look: SA-2(heads = 2, window = 6)
  think: GMemless(activation = relu)
  2 x {{
    2 x {{ Mamba-2(head_dim = 16, states = 16) }}
    SA-2       same as look
    GMemless   same as think
  }}
}}
""",
}


def uses(kind: str) -> str:
    """A model of one operator: with options, shared, and subtracted from itself."""
    first, *others = cases_of(kind).uses
    name, bracket, arguments = first.partition("(")
    groups = template_of(kind).groups
    taken = f", {groups[-2]} from a" if len(groups) > 1 else ""  # all: no norm is read
    return f"""
model {kind} {{ {HEAD} }}
liv Difference = diff({name}) {{ }}
backbone {{
  parallel {{ a: {"; ".join([first, *others])} }}
  {first}   weights from a{taken}
  Difference{bracket}{arguments}
}}
"""


TEXTS |= {kind: uses(kind) for kind in operators.NAMES}


def small(path: Path) -> str:
    """An example at a width of 64, its loops done twice; its structure stays."""
    text = path.read_text()
    sizes = {
        "width": 64,
        "vocab": 256,
        "context": 256 if "learned" in text else 64,  # places for every sequence here
        "heads": 4,
        "hidden": 96,
        "head_dim": 16,
        "value_dim": 8,
        "rope_dims": 4,
        "rank": 12,
        "window": 8,
        "states": 16,
        "blocks": 4,
    }
    for name, size in sizes.items():
        text = re.sub(rf"\b{name}(\s*)= [\d_]+", rf"{name}\1= {size}", text)
    text = re.sub(r"kv_heads = ([2-9]|\d\d)\b", "kv_heads = 2", text)
    return re.sub(r"\b\d+ x \{", "2 x {", text)


SMALL = TEXTS | {path.stem: small(path) for path in EXAMPLES}
"""By name; of LFM2 and Transformer++ the sizes are all the same here."""
for name in ("lfm2_1b", "lfm2_700m", "transformer_pp_1b"):
    del SMALL[name]


def chooses(model: Model) -> bool:
    """Whether rounding may change what its tokens choose."""
    return any(cases_of(liv.operator.kind).chooses for liv in model.livs())


@cache
def emitted(name: str) -> Emitted:
    return emit(to_ir(SMALL[name], f"{name}.star"))


def fresh(name: str, seed: int = 0) -> Any:
    """A newly initialised model; the same for the same seed."""
    torch.manual_seed(seed)
    model: Any = emitted(name).module.Model()
    return model


def tokens(model: Any, batch: int, length: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    shape, vocab = (batch, length), model.config.vocab
    return torch.randint(vocab, shape, generator=generator)


def gradients(model: Any) -> dict[str, Tensor]:
    """Copies of all gradients there are."""
    found = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    return {name: gradient.clone() for name, gradient in found.items()}


def apart(one: Tensor, two: Tensor, least: float = 1e-6) -> float:
    """Largest difference over largest value, or over `least` where that is less."""
    difference = (one.detach().double() - two.detach().double()).abs().max()
    least = max(least, 1e-6)
    return float(difference / two.detach().double().abs().max().clamp(min=least))
