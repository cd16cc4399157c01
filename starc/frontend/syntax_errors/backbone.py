"""Mistakes in the backbone."""

from starc.frontend.syntax_errors.cases import Mistake, cases, in_backbone

MISTAKES = (
    Mistake(
        "missing-label",
        "`:` without a label",
        "A label is a name before the LIV: c1: GConv-1.",
        in_backbone("c1: SA-1"),
        (*cases("the label is missing before `:`", in_backbone(": SA-1")),),
    ),
    Mistake(
        "missing-liv",
        "LIV missing",
        "In a backbone stand LIVs, repeats 12 x { ... }, and parallel { ... }. A LIV's "
        "name comes first, then its parameters, then what it shares.",
        in_backbone("a1: SA-1\n  SA-1 k, v from a1"),
        (
            *cases(
                "the LIV is missing before the feature groups",
                in_backbone("a1: SA-1\n  k, v from a1"),
                in_backbone("a1: SA-1\n  a2: k, v from a1"),
                when=r"\bfrom\b",
            ),
            *cases(
                "the LIV is missing before {found}",
                in_backbone("(heads = 4)"),
                in_backbone("c1: (heads = 4)"),
            ),
            *cases(
                "a list is no LIV",
                in_backbone("[SA-1, SA-3]"),
                hint="LIVs follow one another, each on a line of its own or after `;`",
            ),
        ),
    ),
    Mistake(
        "label-without-liv",
        "Label without a LIV",
        "A label names the one LIV that follows it on its line.",
        in_backbone("c1: SA-1"),
        (
            *cases("the LIV is missing", in_backbone("c1:"), whatever=True),
            *cases(
                "a label names one LIV, not a repeat", in_backbone("c1: 2 x { SA-1 }")
            ),
            *cases("a LIV has one label", in_backbone("c1: a: SA-1")),
        ),
    ),
    Mistake(
        "repeat-without-count",
        "Repeat without a count",
        "A repeat says how often: 12 x { ... }.",
        in_backbone("12 x { SA-1 }"),
        (
            *cases(
                "the count is missing before `x`",
                in_backbone("x { SA-1 }"),
                last=True,
                when=r"\bx\s*\{",
            ),
            *cases(
                "`12 x` or `parallel` is missing before `{`", in_backbone("{ SA-1 }")
            ),
        ),
    ),
    Mistake(
        "repeat-without-block",
        "Repeat without a block",
        "What is repeated stands between braces: 12 x { SA-1 }.",
        in_backbone("12 x { SA-1 }"),
        (
            *cases(
                "`{` is missing before {found}", in_backbone("12 x SA-1"), whatever=True
            ),
            *cases(
                "`{` stands on this line",
                in_backbone("12 x\n  { SA-1 }"),
                repair="join",
            ),
            *cases("`{ ... }` is missing", in_backbone("12 x")),
        ),
    ),
    Mistake(
        "repeat-without-x",
        "Repeat without `x`",
        "A repeat is written 12 x { ... }.",
        in_backbone("12 x { SA-1 }"),
        (
            *cases("`x` is missing before `{`", in_backbone("12 { SA-1 }")),
            *cases("`x {` is missing before {found}", in_backbone("12 SA-1")),
            *cases("`x { ... }` is missing", in_backbone("12"), whatever=True),
        ),
    ),
)
