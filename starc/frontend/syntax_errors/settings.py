"""Mistakes in settings and parameters."""

from starc.frontend.syntax_errors.cases import (
    Mistake,
    cases,
    in_backbone,
    in_model,
    in_search,
)

MISTAKES = (
    Mistake(
        "missing-equals",
        "Setting without `=`",
        "A setting is written `name = value`, in blocks and between parentheses.",
        in_model("width = 64"),
        (
            *cases(
                "`=` is missing before {found}", in_model("width 64"), whatever=True
            ),
            *cases(
                "`=` is written here, not `:`",
                in_model("width: 64"),
                in_backbone("MHA(heads: 4)"),
            ),
            *cases(
                "one `=` sets a value",
                in_model("width == 64"),
                in_backbone("MHA(heads == 4)"),
            ),
            *cases(
                "`=` and a value are missing",
                in_model("width\n  vocab = 16"),
                in_backbone("MHA(heads)"),
                in_backbone("MHA(heads, window = 4)"),
            ),
            *cases(
                "`=` is missing before {found}",
                in_model("width { a = 1 }"),
                in_backbone("MHA(heads 4)"),
            ),
            *cases(
                "`=` is missing before {found}",
                in_search("minimise perplexity"),
                hint="did you mean minimize?",
                when=r"\bminimi[sz]\w*",
            ),
            *cases(
                "`=` is missing before {found}",
                in_search("maximise accuracy"),
                hint="did you mean maximize?",
                when=r"\bmaximi[sz]\w*",
            ),
        ),
    ),
    Mistake(
        "missing-value",
        "Setting without a value",
        "A value is a number, true or false, a word, a list [a, b], or a word with "
        "parameters: banded(window = 1024).",
        in_model("width = 64"),
        (
            *cases("a value is missing here", in_model("width ="), whatever=True),
            *cases("a value is missing before {found}", in_model("width = = 64")),
            *cases("a value stands here without parentheses", in_model("width = (64)")),
            *cases(
                "a value is missing here",
                in_backbone("MHA(heads = )"),
                in_backbone("MHA(heads = , window = 4)"),
            ),
            *cases(
                "a value is missing before {found}",
                in_search("pool = [MHA, , GQA]"),
                in_search("pool = [, GQA]"),
                whatever=True,
            ),
        ),
    ),
    Mistake(
        "second-value",
        "Two values in one setting",
        "Several values are written as a list, [a, b].",
        in_model("repeat = [1, 4]"),
        (
            *cases(
                "one value has been set already",
                in_model("repeat = 1 4"),
                in_model("repeat = a 4"),
                in_model("repeat = a [4]"),
                in_model("repeat = 1 [4]"),
                in_model("repeat = [1] 4"),
                in_model("repeat = [1] [4]"),
            ),
        ),
    ),
    Mistake(
        "missing-name",
        "Value without a name",
        "Parameters and settings have names: MHA(heads = 4). `starc genes` lists "
        "those of each LIV.",
        in_backbone("MHA(heads = 4)"),
        (
            *cases(
                "`name =` is missing before {found}",
                in_backbone("MHA(4)"),
                in_backbone("MHA([4])"),
                in_model("64"),
                in_backbone("MHA(heads = 4, 8)"),
            ),
            *cases(
                "the parameter's name is missing",
                in_backbone("MHA(= 4)"),
                in_backbone("MHA(heads = 4, = 8)"),
            ),
            *cases(
                "a parameter is missing before {found}",
                in_backbone("MHA(, heads = 4)"),
                in_backbone("MHA(heads = 4, , window = 8)"),
                whatever=True,
            ),
            *cases(
                "the setting's name is missing", in_model("= 64"), in_search("= 64")
            ),
        ),
    ),
    Mistake(
        "missing-comma",
        "Missing comma",
        "Parameters and the items of a list are separated by commas.",
        in_backbone("MHA(heads = 4, window = 8)"),
        (
            *cases(
                "`,` is missing before {found}",
                in_backbone("MHA(heads = 4 window = 8)"),
                in_backbone("MHA(heads = a window = 8)"),
                in_backbone("MHA(norm = true window = 8)"),
                in_backbone("MHA(norm = [a] window = 8)"),
                in_backbone("MHA(heads = 4 8)"),
                in_backbone("MHA(heads = a 8)"),
                in_backbone("MHA(heads = 4 [8])"),
                in_search("pool = [MHA GQA]"),
                in_search("pool = [1 2]"),
                in_search("pool = [1 a]"),
                in_search("pool = [a 1]"),
                in_search("pool = [[1] [2]]"),
                in_search("minimize a b"),
                in_backbone("MHA genes(1 1)"),
            ),
            *cases(
                "`,` is written here",
                in_backbone("MHA(heads = 4; window = 8)"),
                in_search("pool = [MHA; GQA]"),
            ),
        ),
    ),
    Mistake(
        "stray-comma",
        "Comma where a line ends",
        "Settings of a block and LIVs end with their line, or with `;`.",
        in_model("width = 64\n  vocab = 16"),
        (
            *cases(
                "no comma stands between settings",
                in_model("width = 64,\n  vocab = 16"),
                in_model("norm = rms, vocab = 8"),
            ),
            *cases(
                "no comma stands between settings",
                in_model("vocab = 50,304"),
                hint="digits are grouped with `_`: 50_304",
                when=r"\d,\d{3}\b",
            ),
            *cases(
                "no comma stands between LIVs",
                in_backbone("MHA, SwiGLU"),
                in_backbone("MHA(heads = 4), SelectiveScan"),
            ),
        ),
    ),
)
