"""Names that mean nothing, or two things."""

import re

from starc import resources
from starc.catalogue.explanation import Explanation

_PRELUDE = resources.read("grammar", "prelude.star")
_LIVS = ", ".join(re.findall(r"(?m)^liv (\S+)", _PRELUDE))
_FEATURIZERS = ", ".join(re.findall(r"(?m)^featurizer (\S+)", _PRELUDE))

_MODEL = "model tiny { width = 64 }\n\n"
_SMALL = _MODEL + "backbone {\n  MHA\n}\n"

EXPLANATIONS: tuple[Explanation, ...] = (
    Explanation(
        "unknown-liv",
        "Unknown LIV",
        "A name stands where a LIV is meant, and nothing of that name is defined, "
        f"neither in the file nor in the prelude. The prelude has: {_LIVS}.",
        _MODEL + "backbone {\n  ShrotConv(kernel = 3)\n}\n",
        _MODEL + "backbone {\n  ShortConv(kernel = 3)\n}\n",
    ),
    Explanation(
        "unknown-featurizer",
        "Unknown featurizer",
        "An operator genome names a featurizer that is defined neither in the file nor "
        f"in the prelude. The prelude has: {_FEATURIZERS}.",
        "liv Mine {\n  featurizer = qvk\n  token      = low_rank\n"
        "  nonlinear  = softmax\n  channel    = grouped\n}\n\n" + _SMALL,
        "liv Mine {\n  featurizer = qkv\n  token      = low_rank\n"
        "  nonlinear  = softmax\n  channel    = grouped\n}\n\n" + _SMALL,
    ),
    Explanation(
        "unknown-label",
        "Unknown label",
        "`weights from`, `k, v from` and `same as` point at a LIV by its label, and no "
        "LIV of the backbone has this one. A label stands before its LIV: `a1: MHA`.",
        _MODEL + "backbone {\n  MHA\n  MHA k, v from a1\n}\n",
        _MODEL + "backbone {\n  a1: MHA\n  MHA k, v from a1\n}\n",
    ),
    Explanation(
        "defined-twice",
        "Defined twice",
        "A name means one LIV or one featurizer. Those of the prelude are taken too: "
        "they mean the same in every file.",
        "liv MHA = GQA(heads = 8)\n\n" + _SMALL,
        "liv attn = GQA(heads = 8)\n\n" + _SMALL,
    ),
    Explanation(
        "definition-cycle",
        "Defined by itself",
        "Following what a LIV is defined by leads back to itself, so that nothing says "
        "what it is. In the end there must be an operator genome.",
        "liv a = b\nliv b = a\n\n" + _SMALL,
        "liv a = b\nliv b = MHA\n\n" + _SMALL,
    ),
    Explanation(
        "duplicate-label",
        "Two LIVs with one label",
        "A label names one LIV, everywhere in the backbone. In a repeat the one label "
        "means the LIV of the same iteration, and outside of it that of the last one.",
        _MODEL + "backbone {\n  a: MHA\n  a: MHA\n}\n",
        _MODEL + "backbone {\n  a: MHA\n  b: MHA\n}\n",
    ),
    Explanation(
        "label-collision",
        "Two LIVs of one name",
        "A LIV without a label is called by its kind and the number of layers before "
        "it, as attn_2; a label in a repeat gets the number of the iteration, as c1_0. "
        "A label of your own is not one of these names.",
        _MODEL + "backbone {\n  attn_1: MHA\n  MHA\n}\n",
        _MODEL + "backbone {\n  first: MHA\n  MHA\n}\n",
    ),
    Explanation(
        "bad-name",
        "This cannot be a name",
        "Labels and models are called by letters, digits and `_`, since they become "
        "names in Python; LIVs and featurizers may have a `-` inside. 80 characters "
        "are the most.",
        _MODEL + "backbone {\n  a-1: MHA\n}\n",
        _MODEL + "backbone {\n  a_1: MHA\n}\n",
    ),
    Explanation(
        "missing-model",
        "No model block",
        "The model block says what the residual stream is. Only its width has no "
        "default.",
        "backbone {\n  MHA\n}\n",
        _SMALL,
    ),
    Explanation(
        "missing-backbone",
        "No backbone block",
        "The backbone says which LIVs are composed, in order.",
        _MODEL,
        _SMALL,
    ),
    Explanation(
        "block-twice",
        "A block that stands twice",
        "A file describes one model: one model block and one backbone, and at most "
        "one search.",
        _MODEL + "model other { width = 128 }\n\nbackbone {\n  MHA\n}\n",
        _SMALL,
    ),
    Explanation(
        "empty-body",
        "Nothing between the braces",
        "A backbone, a repeat and a parallel hold at least one LIV.",
        _MODEL + "backbone {\n  MHA\n  2 x { }\n}\n",
        _MODEL + "backbone {\n  MHA\n  2 x { MHA }\n}\n",
    ),
)
