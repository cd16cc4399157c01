"""Mistakes in what a LIV shares."""

from starc.frontend.syntax_errors.cases import Mistake, cases, in_backbone

MISTAKES = (
    Mistake(
        "clause-without-from",
        "Sharing without `from`",
        "Sharing is said as `weights from LABEL` or, for features, `k, v from LABEL`.",
        in_backbone("c1: MHA\n  MHA weights from c1"),
        (
            *cases(
                "`from` is missing before {found}",
                in_backbone("c1: MHA\n  MHA weights c1"),
                in_backbone("a1: MHA\n  MHA k, v a1"),
                in_backbone("a1: MHA\n  MHA k a1"),
            ),
            *cases(
                "`from` and a label are missing",
                in_backbone("c1: MHA\n  MHA weights"),
                whatever=True,
            ),
            *cases(
                "`from` and a label are missing",
                in_backbone("a1: MHA\n  MHA k, v"),
                when=",",
            ),
            *cases(
                "the label is missing",
                in_backbone("c1: MHA\n  MHA weights from"),
                in_backbone("a1: MHA\n  MHA k from"),
                whatever=True,
            ),
        ),
    ),
    Mistake(
        "from-without-groups",
        "`from` without what is shared",
        "What is shared stands before `from`: `weights from LABEL`, or the names of "
        "feature groups as in `k, v from LABEL`.",
        in_backbone("a1: MHA\n  MHA k, v from a1"),
        (
            *cases(
                "`weights` or feature groups are missing before `from`",
                in_backbone("a1: MHA\n  MHA from a1"),
                when=r"\bfrom\b",
            ),
            *cases(
                "a feature group is missing before `from`",
                in_backbone("a1: MHA\n  MHA k, from a1"),
                when=r",\s*from\b",
            ),
            *cases(
                "a feature group is missing after `,`",
                in_backbone("MHA k,"),
                whatever=True,
            ),
        ),
    ),
    Mistake(
        "same-without-as",
        "`same` without `as`",
        "A LIV is used again as a whole with `same as LABEL`.",
        in_backbone("m1: MHA\n  MHA same as m1"),
        (
            *cases(
                "`as` is missing before {found}",
                in_backbone("m1: MHA\n  MHA same m1"),
            ),
            *cases(
                "`as` and a label are missing",
                in_backbone("m1: MHA\n  MHA same"),
                whatever=True,
            ),
            *cases(
                "the label is missing",
                in_backbone("m1: MHA\n  MHA same as"),
                whatever=True,
            ),
        ),
    ),
)
