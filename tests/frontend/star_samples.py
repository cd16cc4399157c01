"""The samples of the language, as the reference shows them."""

from pathlib import Path

TRANSFORMER = """\
# Transformer++ at the 125M scale: attention and SwiGLU, striped.
model transformer_pp {
  width   = 768
  vocab   = 50_304
  context = 4096
}

backbone {
  12 x {
    SA-1(heads = 12)
    GMemless(expand = 8/3)
  }
}
"""

NAMES = """\
liv conv = GConv-1(kernel = 3)
liv attn = SA-3(heads = 16, kv_heads = 8, qk_norm = true, rope_theta = 1e6)
liv mlp  = GMemless(hidden = 4608)

backbone {
  2 x { conv; mlp }
  attn; mlp
  2 x { conv; mlp }
  attn; mlp
}
"""

SHARING = """\
backbone {
  c1: GConv-1-Diff
  m1: GMemless
  a1: SA-3
  GMemless
  c2: GConv-1-Diff   weights from c1     # featurizer sharing (genes 2 and 3)
  a2: SA-3           k, v from a1        # feature sharing (genes 4 and 5)
  GMemless           same as m1          # the whole LIV again
}
"""

PARALLEL = """\
backbone {
  parallel {                             # Falcon-H1, Hymba
    SA-3(heads = 8)
    Rec-1
  }
}
"""

ALPHABET = """\
featurizer short_qkv_gqa {               # featurizer genome
  groups  = [q, k, v]
  token   = toeplitz(kernel = 3)
  channel = dense
  expand  = 1
  repeat  = [1, 4, 4]
}

liv LocalAttention {                     # operator genome
  code       = 18
  featurizer = short_qkv_gqa
  token      = low_rank
  sparsity   = banded(window = 1024)
  nonlinear  = softmax
  channel    = grouped(heads = 12)
}

liv LocalAttention-Diff = diff(LocalAttention) { code = 19 }
"""

SEARCH = """\
search {
  pool        = [SA-1, SA-3, Rec-1, Rec-1-Diff, GConv-1, GConv-1-Diff, GMemless]
  population  = 16
  generations = 18
  minimize perplexity, cache
  require params <= 130M
  require token_p95 <= 20 ms
}
"""

SAMPLES = {
    "transformer": TRANSFORMER,
    "names": NAMES,
    "sharing": SHARING,
    "parallel": PARALLEL,
    "alphabet": ALPHABET,
    "search": SEARCH,
}

_ROOT = Path(__file__).parent.parent.parent
FILES = sorted([*_ROOT.glob("examples/*.star"), *_ROOT.glob("grammar/*.star")])
