"""Statements that run into one another, and blocks without braces."""

from starc.frontend.syntax_errors.cases import (
    Mistake,
    before,
    cases,
    in_backbone,
    in_model,
)

MISTAKES = (
    Mistake(
        "missing-separator",
        "Two statements in one",
        "Each LIV, setting and block has a line of its own, or `;` between it and the "
        "next.",
        in_backbone("MHA; SwiGLU"),
        (
            *cases(
                "a new line or `;` is missing before this",
                in_backbone("MHA SwiGLU"),
                in_backbone("2 x { MHA SwiGLU }"),
                hint="after a LIV come `weights from`, `same as`, or feature groups: "
                "`k, v from a1`",
                last=True,
            ),
            *cases(
                "a new line or `;` is missing before this",
                in_backbone("MHA SwiGLU(expand = 4)"),
                in_backbone("a: MHA b: MHA"),
                last=True,
            ),
            *cases(
                "a new line or `;` is missing before {found}",
                in_backbone("MHA 12 x { MHA }"),
                in_backbone("MHA(heads = 4) 12 x { MHA }"),
                in_model("width = 64 vocab = 16"),
                in_model("norm = rms vocab = 16"),
                in_model("tied = true vocab = 16"),
                in_model("norm = [rms] vocab = 16"),
                in_model("norm = rms(eps = 1) vocab = 16"),
                "model tiny { width = 64 } backbone { MHA }",
                "liv a = MHA(heads = 4) liv b = MHA\nbackbone { a }",
                repair="line",
            ),
            *cases(
                "a new line or `;` is missing before {found}",
                in_backbone("2 x { MHA } SwiGLU"),
                in_backbone("parallel { MHA } SwiGLU"),
                "backbone { MHA } model tiny { width = 64 }",
                "search { population = 1 } backbone { MHA }",
                repair="line",
                whatever=True,
            ),
            *cases(
                "a new line or `;` is missing before {found}",
                "liv a = MHA liv b = MHA\nbackbone { a }",
                repair="line",
                when=r"\S\s+(liv|model|backbone|search|featurizer)\b",
            ),
        ),
    ),
    Mistake(
        "missing-block",
        "Block without braces",
        "What belongs to a block stands between { and }, with { on the first line.",
        in_backbone("MHA"),
        (
            *cases(
                "`{` is missing before {found}",
                "backbone MHA",
                "model width = 64",
                "model = 64",
                "search pool = [MHA]",
                "featurizer f = qkv",
                in_backbone("parallel MHA"),
                whatever=True,
            ),
            *cases(
                "`{` is missing before {found}", before("liv X = diff(MHA) code = 19")
            ),
            *cases(
                "`{` stands on this line",
                "backbone\n{ MHA }",
                "model tiny\n{ width = 64 }",
                "model\n{ width = 64 }",
                "search\n{ population = 1 }",
                "featurizer f\n{ groups = [q] }",
                in_backbone("parallel\n  { MHA }"),
                repair="join",
            ),
        ),
    ),
)
