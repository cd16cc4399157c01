"""Mistakes in the blocks of a file and in definitions."""

from starc.frontend.syntax_errors.cases import Mistake, before, cases, in_backbone

MISTAKES = (
    Mistake(
        "unknown-block",
        "Unknown kind of block",
        "A file is made of model, backbone, search, liv and featurizer.",
        "model tiny { width = 64 }\n\nbackbone { MHA }\n",
        (
            *cases(
                "no block is called {found}",
                "modle tiny { width = 64 }\n\nbackbone { MHA }\n",
                repair="block",
                when=r"^\s*[\w-]+(\s+[\w-]+)?\s*(\{|=\s*[A-Za-z])",
            ),
        ),
    ),
    Mistake(
        "outside-block",
        "Text outside of the blocks",
        "LIVs stand in backbone { }, settings in model { } or search { }.",
        in_backbone("MHA(heads = 4)"),
        (
            *cases("this stands in no block", "MHA(heads = 4)\n", whatever=True),
            *cases("this stands in no block", "12 x { MHA }\n"),
        ),
    ),
    Mistake(
        "block-inside-block",
        "Block inside a block",
        "Blocks of a file stand beside one another; only repeats, parallels and "
        "blocks nest.",
        "liv attn = MHA(heads = 4)\n\n" + in_backbone("attn"),
        (
            *cases(
                "this definition stands inside the backbone",
                in_backbone("liv attn = MHA(heads = 4)"),
                hint="move it before `backbone {`",
                last=True,
                when=r"^\s*(liv|featurizer)\b",
            ),
            *cases(
                "this block stands inside the backbone",
                in_backbone("search { population = 1 }"),
                hint="move it out",
                last=True,
                when=r"^\s*(model|backbone|search)\b",
            ),
            *cases(
                "this definition stands inside the backbone",
                in_backbone("liv attn { code = 1 }"),
                hint="move it before `backbone {`",
                last=True,
                when=r"^\s*(liv|featurizer|model)\b",
            ),
            *cases(
                "a LIV has no block",
                in_backbone("MHA { heads = 4 }"),
                hint="parameters stand between parentheses: MHA(heads = 4)",
            ),
            *cases(
                "a LIV has no block",
                in_backbone("MHA(heads = 4) { GQA }"),
                hint="`12 x { ... }` repeats, `parallel { ... }` adds side by side",
            ),
        ),
    ),
    Mistake(
        "missing-parentheses",
        "Parameters without parentheses",
        "The parameters of a LIV stand between parentheses, separated by commas.",
        in_backbone("MHA(heads = 4)"),
        (
            *cases(
                "`(` is missing before this",
                in_backbone("MHA heads = 4"),
                hint="MHA(heads = 4)",
                last=True,
            ),
            *cases(
                "a LIV is named here, not set",
                in_backbone("MHA = 4"),
                before("liv attn = MHA = 4"),
            ),
            *cases(
                "`(` is missing before {found}",
                before("liv attn = MHA heads = 4"),
                hint="MHA(heads = 4)",
            ),
            *cases("parameters stand between ( and )", in_backbone("MHA[heads = 4]")),
            *cases(
                "`(` is missing before {found}",
                "liv X = diff Y\nbackbone { X }",
                in_backbone("MHA genes 1, 1"),
            ),
            *cases("`(LIV)` is missing", "liv X = diff\nbackbone { X }", whatever=True),
        ),
    ),
    Mistake(
        "bad-definition",
        "Definition that defines nothing",
        "A LIV is defined as a name for another, liv attn = MHA(heads = 4), as the "
        "difference of two, liv D = diff(MHA), or by its genome, liv Mine { ... }.",
        "liv attn = MHA(heads = 4)\n\n" + in_backbone("attn"),
        (
            *cases(
                "`= LIV` or `{ ... }` is missing", before("liv attn"), whatever=True
            ),
            *cases(
                "`=` is missing before {found}",
                before("liv attn MHA"),
                before("liv attn(heads = 4)"),
            ),
            *cases("`=` is written here, not `:`", before("liv attn: MHA")),
            *cases(
                "the LIV is missing",
                before("liv attn ="),
                before("liv D = diff()"),
                whatever=True,
            ),
            *cases(
                "a genome follows the name: delete the `=`",
                before("liv attn = { code = 3 }"),
            ),
            *cases(
                "the name is missing",
                before("liv = MHA"),
                before("featurizer = qkv"),
                whatever=True,
            ),
            *cases("the name is missing", before("featurizer { groups = [q] }")),
            *cases(
                "a difference is taken of one LIV, with two sets of parameters",
                before("liv D = diff(MHA, GQA)"),
                whatever=True,
            ),
            *cases(
                "the LIV stands here without parameters",
                before("liv D = diff(MHA(heads = 4))"),
            ),
            *cases(
                "sharing is said where the LIV is used, in the backbone",
                before("liv attn = MHA weights from a"),
                when=r"\b(weights|from|same)\b",
            ),
        ),
    ),
)
