"""Settings, parameters and the numbers that follow from them."""

from starc.catalogue.explanation import Explanation

_MODEL = "model tiny { width = 64 }\n\n"


def _backbone(line: str) -> str:
    return f"{_MODEL}backbone {{\n  {line}\n}}\n"


EXPLANATIONS: tuple[Explanation, ...] = (
    Explanation(
        "missing-width",
        "The model has no width",
        "`width` is the number of channels of the residual stream, which every LIV "
        "reads and adds to. It has no default, since everything else follows from it.",
        "model tiny { vocab = 256 }\n\nbackbone {\n  MHA\n}\n",
        "model tiny { width = 64; vocab = 256 }\n\nbackbone {\n  MHA\n}\n",
    ),
    Explanation(
        "unknown-setting",
        "Unknown setting",
        "A block holds settings of fixed names. The message lists those of this block; "
        "`starc show` prints what is set and what follows from it.",
        "model tiny { width = 64; vocabulary = 256 }\n\nbackbone {\n  MHA\n}\n",
        "model tiny { width = 64; vocab = 256 }\n\nbackbone {\n  MHA\n}\n",
    ),
    Explanation(
        "unknown-parameter",
        "Unknown parameter",
        "What may stand between the parentheses of a LIV depends on its operator: "
        "heads for attention, hidden for a gated linear unit. `starc genes` lists "
        "every parameter of every operator with its meaning and its default.",
        _backbone("MHA(head = 4)"),
        _backbone("MHA(heads = 4)"),
    ),
    Explanation(
        "setting-twice",
        "Set twice",
        "In one list a name is set once. A use may set again what its alias has set: "
        "that replaces it.",
        _backbone("MHA(heads = 2, heads = 4)"),
        _backbone("MHA(heads = 4)"),
    ),
    Explanation(
        "wrong-value",
        "A value of the wrong kind",
        "Every setting takes values of one kind: a whole number, a number, true or "
        "false, one of a few words, or a list. The message says which.",
        _backbone("ShortConv(kernel = wide)"),
        _backbone("ShortConv(kernel = 7)"),
    ),
    Explanation(
        "out-of-range",
        "Out of range",
        "The number is of the right kind, and smaller or larger than starc builds. The "
        "upper ends are far beyond what a model needs: they catch slips of the pen.",
        _backbone("ShortConv(kernel = 17)"),
        _backbone("ShortConv(kernel = 16)"),
    ),
    Explanation(
        "conflicting-settings",
        "Two settings that contradict one another",
        "Each would be fine alone. `hidden` and `expand` are two ways to say one "
        "number, rope_theta says something of a rotation that rope = false removes.",
        _backbone("SwiGLU(hidden = 128, expand = 4)"),
        _backbone("SwiGLU(hidden = 128)"),
    ),
    Explanation(
        "missing-parameter",
        "A parameter that is needed",
        "Some structures mean nothing without a number: a band has a window, a "
        "convolution a kernel.",
        "liv Local {\n  featurizer = qkv\n  token      = low_rank\n"
        "  sparsity   = banded\n  nonlinear  = softmax\n  channel    = grouped\n}\n\n"
        + _backbone("Local"),
        "liv Local {\n  featurizer = qkv\n  token      = low_rank\n"
        "  sparsity   = banded\n  nonlinear  = softmax\n  channel    = grouped\n}\n\n"
        + _backbone("Local(window = 16)"),
    ),
    Explanation(
        "does-not-divide",
        "Numbers that do not divide",
        "Heads share the channels evenly, heads of k and v serve equally many heads of "
        "q, and channels are whole. With heads and head_dim both given, the width of "
        "the model need not be a multiple of either.",
        _backbone("MHA(heads = 5)"),
        _backbone("MHA(heads = 5, head_dim = 16)"),
    ),
    Explanation(
        "odd-rotation",
        "An odd number of channels to rotate",
        "Rotary positions turn the channels of a head two by two, so rope_fraction of "
        "head_dim has to be an even whole number.",
        _backbone("MHA(rope_fraction = 0.3)"),
        _backbone("MHA(rope_fraction = 0.25)"),
    ),
    Explanation(
        "bad-count",
        "A repeat needs a whole number of iterations",
        "`12 x { ... }` is what stands between the braces twelve times in sequence.",
        _backbone("0 x { MHA }"),
        _backbone("1 x { MHA }"),
    ),
    Explanation(
        "too-many-livs",
        "Too many LIVs",
        "The iterations of repeats inside one another multiply. A model has at most "
        "4_096 LIVs, more than the deepest that was published, and a parallel 100.",
        _backbone("200 x { 100 x { MHA } }"),
        _backbone("20 x { 10 x { MHA } }"),
    ),
)
