"""Wrong characters, numbers and brackets, and the rest.

Told by characters.py, build.py, brackets.py, and diagnose.py.
"""

from starc.frontend.syntax_errors.cases import (
    Mistake,
    cases,
    in_backbone,
    in_model,
    in_search,
)

MISTAKES = (
    Mistake(
        "bad-number",
        "Malformed number",
        "Numbers are whole (50_304), decimal (1e-5, 2.5), fractions (8/3), or have a "
        "suffix for thousands, millions and billions (130M).",
        in_model("width = 1_024"),
        (
            *cases(
                "",
                in_model("width = 1__024"),
                in_backbone("3x { MHA }"),
                in_model("width = 4k"),
                in_model("width = .5"),
                in_model("width = 5."),
                in_model("width = 0x10"),
                in_model("width = 8/0"),
                in_model("width = 1e999"),
            ),
        ),
    ),
    Mistake(
        "bad-character",
        "Unexpected character",
        "Names are made of the letters a to z and A to Z, digits, `_`, and `-` between "
        "these. Other characters may stand in comments.",
        in_backbone("ShortConv"),
        (
            *cases(
                "",
                in_backbone("GConv\u20131"),
                in_model("norm = \u201crms\u201d"),
                in_model('norm = "rms"'),
                in_model("width\u00a0= 64"),
                in_backbone("MHA\uff08heads = 4\uff09"),
                in_backbone("MHA + SwiGLU"),
                in_backbone("MHA # \x00"),
                in_backbone("MHA\x00"),
                in_model("gr\u00f6\u00dfe = 64"),
            ),
        ),
    ),
    Mistake(
        "foreign-comment",
        "Comment of another language",
        "A comment begins with `#` and ends with its line.",
        in_backbone("MHA  # attention"),
        (
            *cases(
                "",
                in_backbone("MHA  // attention"),
                in_backbone("/* attention */ MHA"),
                in_model("width = 64 // wide"),
            ),
        ),
    ),
    Mistake(
        "python-word",
        "Python's spelling",
        "The words of a .star file are lower case: true, false and none.",
        in_model("tied = true"),
        (*cases("", in_model("tied = True"), in_backbone("MHA(window = None)")),),
    ),
    Mistake(
        "unclosed",
        "Bracket that is never closed",
        "Every (, [ and { is closed by its counterpart. Two places are shown: where it "
        "is missed at the latest, and where the bracket was opened.",
        in_backbone("12 x {\n    MHA\n  }"),
        (
            *cases(
                "",
                in_backbone("12 x {\n    MHA"),
                "backbone {\n  MHA\n\nsearch {\n  population = 16\n}\n",
                in_backbone("MHA(heads = 4"),
                in_backbone("MHA(\n    heads = 4,\n    window = 8"),
                in_search("pool = [MHA, GQA"),
            ),
        ),
    ),
    Mistake(
        "stray-bracket",
        "Bracket that closes nothing",
        "Every ), ] and } closes the last bracket that was opened, of its own kind, "
        "and every bracket belongs to what it follows.",
        in_backbone("MHA"),
        (
            *cases(
                "",
                in_backbone("MHA") + "}\n",
                in_backbone("MHA)"),
                in_backbone("MHA(heads = 4]"),
                in_backbone("MHA(heads) = 4)"),
                in_backbone("{ MHA"),
            ),
        ),
    ),
    Mistake(
        "stray-separator",
        "A statement ends too early",
        "A statement ends with its line or with `;`, except within ( ) and [ ].",
        in_model("width = 64"),
        (*cases("", in_model("width; = 64"), in_model("width\n  = 64")),),
    ),
    Mistake(
        "syntax",
        "Not understood",
        "The text is not of the form that the language has at this place. The message "
        "says what may stand there.",
        in_backbone("MHA"),
        (
            *cases(
                "",
                in_backbone("MHA <= 3"),
                in_backbone("MHA genes(a)"),
                in_model("width = 64 <= 3"),
            ),
        ),
    ),
)
