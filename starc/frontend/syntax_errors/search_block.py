"""Mistakes in the search."""

from starc.frontend.syntax_errors.cases import Mistake, cases, in_search

MISTAKES = (
    Mistake(
        "bad-requirement",
        "Requirement that requires nothing",
        "A requirement is a measure, one of <=, >=, <, > and ==, and a number.",
        in_search("require params <= 130M"),
        (
            *cases("`<=` is missing before {found}", in_search("require params 130M")),
            *cases("`==` or `<=` is written here", in_search("require params = 130M")),
            *cases(
                "`<=` and a number are missing",
                in_search("require params"),
                whatever=True,
            ),
            *cases(
                "a number stands here",
                in_search("require params <= few"),
                whatever=True,
            ),
            *cases("the measure is missing", in_search("require"), whatever=True),
        ),
    ),
    Mistake(
        "missing-measure",
        "Objective without a measure",
        "What is minimized or maximized is named: minimize perplexity, cache.",
        in_search("minimize perplexity"),
        (
            *cases(
                "the measure is missing",
                in_search("minimize"),
                in_search("maximize"),
                whatever=True,
            ),
            *cases(
                "a measure is missing after `,`",
                in_search("minimize a,"),
                whatever=True,
                when=r"\b(minimize|maximize)\b",
            ),
        ),
    ),
)
