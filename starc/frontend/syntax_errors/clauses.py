"""Mistakes in what a LIV shares."""

from starc.frontend.syntax_errors.cases import Mistake, cases, in_backbone

MISTAKES = (
    Mistake(
        "clause-without-from",
        "Sharing without `from`",
        "Sharing is said as `weights from LABEL` or, for features, `k, v from LABEL`.",
        in_backbone("c1: SA-1\n  SA-1 weights from c1"),
        (
            *cases(
                "`from` is missing before {found}",
                in_backbone("c1: SA-1\n  SA-1 weights c1"),
                in_backbone("a1: SA-1\n  SA-1 k, v a1"),
                in_backbone("a1: SA-1\n  SA-1 k a1"),
            ),
            *cases(
                "`from` and a label are missing",
                in_backbone("c1: SA-1\n  SA-1 weights"),
                whatever=True,
            ),
            *cases(
                "`from` and a label are missing",
                in_backbone("a1: SA-1\n  SA-1 k, v"),
                when=",",
            ),
            *cases(
                "the label is missing",
                in_backbone("c1: SA-1\n  SA-1 weights from"),
                in_backbone("a1: SA-1\n  SA-1 k from"),
                whatever=True,
            ),
        ),
    ),
    Mistake(
        "from-without-groups",
        "`from` without what is shared",
        "What is shared stands before `from`: `weights from LABEL`, or the names of "
        "feature groups as in `k, v from LABEL`.",
        in_backbone("a1: SA-1\n  SA-1 k, v from a1"),
        (
            *cases(
                "`weights` or feature groups are missing before `from`",
                in_backbone("a1: SA-1\n  SA-1 from a1"),
                when=r"\bfrom\b",
            ),
            *cases(
                "a feature group is missing before `from`",
                in_backbone("a1: SA-1\n  SA-1 k, from a1"),
                when=r",\s*from\b",
            ),
            *cases(
                "a feature group is missing after `,`",
                in_backbone("SA-1 k,"),
                whatever=True,
            ),
        ),
    ),
    Mistake(
        "same-without-as",
        "`same` without `as`",
        "A LIV is used again as a whole with `same as LABEL`.",
        in_backbone("m1: SA-1\n  SA-1 same as m1"),
        (
            *cases(
                "`as` is missing before {found}",
                in_backbone("m1: SA-1\n  SA-1 same m1"),
            ),
            *cases(
                "`as` and a label are missing",
                in_backbone("m1: SA-1\n  SA-1 same"),
                whatever=True,
            ),
            *cases(
                "the label is missing",
                in_backbone("m1: SA-1\n  SA-1 same as"),
                whatever=True,
            ),
        ),
    ),
)
