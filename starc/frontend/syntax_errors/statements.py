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
        in_backbone("SA-1; GMemless"),
        (
            *cases(
                "a new line or `;` is missing before this",
                in_backbone("SA-1 GMemless"),
                in_backbone("2 x { SA-1 GMemless }"),
                hint="after a LIV come `weights from`, `same as`, or feature groups: "
                "`k, v from a1`",
                last=True,
            ),
            *cases(
                "a new line or `;` is missing before this",
                in_backbone("SA-1 GMemless(expand = 4)"),
                in_backbone("a: SA-1 b: SA-1"),
                last=True,
            ),
            *cases(
                "a new line or `;` is missing before {found}",
                in_backbone("SA-1 12 x { SA-1 }"),
                in_backbone("SA-1(heads = 4) 12 x { SA-1 }"),
                in_model("width = 64 vocab = 16"),
                in_model("norm = rms vocab = 16"),
                in_model("tied = true vocab = 16"),
                in_model("norm = [rms] vocab = 16"),
                in_model("norm = rms(eps = 1) vocab = 16"),
                "model tiny { width = 64 } backbone { SA-1 }",
                "liv a = SA-1(heads = 4) liv b = SA-1\nbackbone { a }",
                repair="line",
            ),
            *cases(
                "a new line or `;` is missing before {found}",
                in_backbone("2 x { SA-1 } GMemless"),
                in_backbone("parallel { SA-1 } GMemless"),
                "backbone { SA-1 } model tiny { width = 64 }",
                "search { population = 1 } backbone { SA-1 }",
                repair="line",
                whatever=True,
            ),
            *cases(
                "a new line or `;` is missing before {found}",
                "liv a = SA-1 liv b = SA-1\nbackbone { a }",
                repair="line",
                when=r"\S\s+(liv|model|backbone|search|featurizer)\b",
            ),
        ),
    ),
    Mistake(
        "missing-block",
        "Block without braces",
        "What belongs to a block stands between { and }, with { on the first line.",
        in_backbone("SA-1"),
        (
            *cases(
                "`{` is missing before {found}",
                "backbone SA-1",
                "model width = 64",
                "model = 64",
                "search pool = [SA-1]",
                "featurizer f = qkv",
                in_backbone("parallel SA-1"),
                whatever=True,
            ),
            *cases(
                "`{` is missing before {found}", before("liv X = diff(SA-1) code = 19")
            ),
            *cases(
                "`{` stands on this line",
                "backbone\n{ SA-1 }",
                "model tiny\n{ width = 64 }",
                "model\n{ width = 64 }",
                "search\n{ population = 1 }",
                "featurizer f\n{ groups = [q] }",
                in_backbone("parallel\n  { SA-1 }"),
                repair="join",
            ),
        ),
    ),
)
