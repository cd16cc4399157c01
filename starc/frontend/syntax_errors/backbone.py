"""Mistakes in the backbone."""

from starc.frontend.syntax_errors.cases import Mistake, cases, in_backbone

MISTAKES = (
    Mistake(
        "missing-label",
        "`:` without a label",
        "A label is a name before the LIV: c1: ShortConv.",
        in_backbone("c1: MHA"),
        (*cases("the label is missing before `:`", in_backbone(": MHA")),),
    ),
    Mistake(
        "missing-liv",
        "LIV missing",
        "In a backbone stand LIVs, repeats 12 x { ... }, and parallel { ... }. A LIV's "
        "name comes first, then its parameters, then what it shares.",
        in_backbone("a1: MHA\n  MHA k, v from a1"),
        (
            *cases(
                "the LIV is missing before the feature groups",
                in_backbone("a1: MHA\n  k, v from a1"),
                in_backbone("a1: MHA\n  a2: k, v from a1"),
                when=r"\bfrom\b",
            ),
            *cases(
                "the LIV is missing before {found}",
                in_backbone("(heads = 4)"),
                in_backbone("c1: (heads = 4)"),
            ),
            *cases(
                "a list is no LIV",
                in_backbone("[MHA, GQA]"),
                hint="LIVs follow one another, each on a line of its own or after `;`",
            ),
        ),
    ),
    Mistake(
        "label-without-liv",
        "Label without a LIV",
        "A label names the one LIV that follows it on its line.",
        in_backbone("c1: MHA"),
        (
            *cases("the LIV is missing", in_backbone("c1:"), whatever=True),
            *cases(
                "a label names one LIV, not a repeat", in_backbone("c1: 2 x { MHA }")
            ),
            *cases("a LIV has one label", in_backbone("c1: a: MHA")),
        ),
    ),
    Mistake(
        "repeat-without-count",
        "Repeat without a count",
        "A repeat says how often: 12 x { ... }.",
        in_backbone("12 x { MHA }"),
        (
            *cases(
                "the count is missing before `x`",
                in_backbone("x { MHA }"),
                last=True,
                when=r"\bx\s*\{",
            ),
            *cases(
                "`12 x` or `parallel` is missing before `{`", in_backbone("{ MHA }")
            ),
        ),
    ),
    Mistake(
        "repeat-without-block",
        "Repeat without a block",
        "What is repeated stands between braces: 12 x { MHA }.",
        in_backbone("12 x { MHA }"),
        (
            *cases(
                "`{` is missing before {found}", in_backbone("12 x MHA"), whatever=True
            ),
            *cases(
                "`{` stands on this line",
                in_backbone("12 x\n  { MHA }"),
                repair="join",
            ),
            *cases("`{ ... }` is missing", in_backbone("12 x")),
        ),
    ),
    Mistake(
        "repeat-without-x",
        "Repeat without `x`",
        "A repeat is written 12 x { ... }.",
        in_backbone("12 x { MHA }"),
        (
            *cases("`x` is missing before `{`", in_backbone("12 { MHA }")),
            *cases("`x {` is missing before {found}", in_backbone("12 MHA")),
            *cases("`x { ... }` is missing", in_backbone("12"), whatever=True),
        ),
    ),
)
