"""Sharing between LIVs, and LIVs side by side."""

from starc.catalogue.explanation import Explanation

_MODEL = "model tiny { width = 64 }\n\n"
_STREAMS = "model tiny { width = 64; streams = altup }\n\n"


def _backbone(*lines: str) -> str:
    return f"{_MODEL}backbone {{\n" + "".join(f"  {line}\n" for line in lines) + "}\n"


EXPLANATIONS: tuple[Explanation, ...] = (
    Explanation(
        "self-reference",
        "A LIV cannot share with itself",
        "The label after `from` is that of the LIV itself. Sharing points back, at a "
        "LIV that stands before.",
        _backbone("a1: MHA", "a2: MHA weights from a2"),
        _backbone("a1: MHA", "a2: MHA weights from a1"),
    ),
    Explanation(
        "forward-reference",
        "Sharing points forward",
        "The first LIV of a sharing group owns what is shared, the others point back "
        "at it. Features cannot be taken from a LIV that has not been computed yet.",
        _backbone("MHA k, v from a2", "a2: MHA"),
        _backbone("a1: MHA", "MHA k, v from a1"),
    ),
    Explanation(
        "sharing-misfit",
        "What is shared does not fit",
        "`weights from` needs the same kind of operator and tensors of one shape; "
        "`k, v from` groups of one shape; `same as` the same class. A differential LIV "
        "shares with a differential one, side by side.",
        _backbone("a1: MHA(heads = 2, head_dim = 8)", "MHA(heads = 4) weights from a1"),
        _backbone("a1: MHA(heads = 4)", "MHA(heads = 4) weights from a1"),
    ),
    Explanation(
        "unknown-group",
        "Unknown feature group",
        "Each operator is made of its own feature groups: q, k, v for attention; b, c, "
        "x for gated convolutions; gate, up for gated linear units.",
        _backbone("a1: MHA", "MHA keys from a1"),
        _backbone("a1: MHA", "MHA k from a1"),
    ),
    Explanation(
        "shared-twice",
        "Shared twice",
        "What is shared comes from one LIV: one `weights from`, and each feature group "
        "named once.",
        _backbone("a1: MHA", "MHA k, v from a1, v from a1"),
        _backbone("a1: MHA", "MHA k, v from a1"),
    ),
    Explanation(
        "same-as-alone",
        "`same as` says everything",
        "The LIV is the other one, with its parameters, its norm and its sharing, at "
        "another depth and with a state of its own. So it has neither parameters nor "
        "other clauses, but for the answer that it reads, where that LIV reads one.",
        _backbone("m1: SwiGLU", "SwiGLU(hidden = 64) same as m1"),
        _backbone("m1: SwiGLU", "SwiGLU same as m1"),
    ),
    Explanation(
        "no-answer",
        "There is no answer to read",
        "`input from a1` reads what the LIV a1 answers in place of the stream, and "
        "`plus from a1` adds it to the stream, through a matrix, before it reads that. "
        "There is an answer where a single LIV says `output = none`, for later LIVs of "
        "the same body.",
        _backbone("a1: MHA", "SwiGLU input from a1"),
        _backbone("a1: MHA(output = none)", "SwiGLU input from a1"),
    ),
    Explanation(
        "unread-answer",
        "An answer that no LIV reads",
        "With `output = none` a LIV adds nothing to the stream. Its answer is there "
        "for LIVs that read it, and one of them has to.",
        _backbone("a1: MHA(output = none)", "SwiGLU"),
        _backbone("a1: MHA(output = none)", "SwiGLU input from a1"),
    ),
    Explanation(
        "side-of-parallel",
        "A branch of a parallel is no whole LIV",
        "The branches of a parallel have one norm in common, and `same as` takes a LIV "
        "together with its norm. Its weights can be shared.",
        _backbone("parallel { a1: MHA; SelectiveScan }", "MHA same as a1"),
        _backbone("parallel { a1: MHA; SelectiveScan }", "MHA weights from a1"),
    ),
    Explanation(
        "not-in-parallel",
        "This cannot stand in a parallel",
        "The branches of a parallel are single LIVs that read one input. A "
        "differential LIV and `same as` are more than that, and the stream is added "
        "once for all.",
        _backbone("parallel { SA-1-Diff; SelectiveScan }"),
        _backbone("parallel { MHA; SelectiveScan }"),
    ),
    Explanation(
        "not-in-block",
        "This cannot stand in a block",
        "A block is what stands in several residual streams as one: LIVs and "
        "parallels, one after the other. Repeats stand around blocks.",
        _STREAMS + "backbone {\n  block { 2 x { MHA; SwiGLU } }\n}\n",
        _STREAMS + "backbone {\n  2 x { block { MHA; SwiGLU } }\n}\n",
    ),
)
