"""Every mistake of syntax, by example: catalogue, matcher and test in one table.

A `Case` is a small wrong file. The parser stops in it at some state with some token,
and what is said there is said wherever it stops like that (diagnose.py). Cases without
a label are told elsewhere: brackets.py, characters.py, build.py.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """`label` and `hint` may name {found}, the words at which the parser stopped.

    `when` must be found in the line, where the state alone does not tell cases apart.
    `whatever`: also for other tokens at this place than the one of the example.
    `repair`: how to read on without skipping; "line": as if the statement had ended,
    "join": as if the line had not ended, "block": as if the word were spelled right.
    `last`: the mistake is the word before the one at which the parser stopped.
    """

    wrong: str
    label: str = ""
    hint: str = ""
    when: str = ""
    whatever: bool = False
    repair: str = ""
    last: bool = False


@dataclass(frozen=True)
class Mistake:
    """What one code means; `text` says why, `right` is the first case put right."""

    code: str
    title: str
    text: str
    right: str
    cases: tuple[Case, ...]


def _in_model(text: str) -> str:
    return f"model tiny {{\n  {text}\n}}\n\nbackbone {{ SA-1 }}\n"


def _in_backbone(text: str) -> str:
    return f"model tiny {{ width = 64 }}\n\nbackbone {{\n  {text}\n}}\n"


def _in_search(text: str) -> str:
    return _in_backbone("SA-1") + f"\nsearch {{\n  {text}\n}}\n"


def _before(text: str) -> str:
    return f"{text}\n\n{_in_backbone('SA-1')}"


MISTAKES = (
    # Settings -------------------------------------------------------------------------
    Mistake(
        "missing-equals",
        "Setting without `=`",
        "A setting is written `name = value`, in blocks and between parentheses.",
        _in_model("width = 64"),
        (
            Case(_in_model("width 64"), "`=` is missing before {found}", whatever=True),
            Case(_in_model("width: 64"), "`=` is written here, not `:`"),
            Case(_in_model("width == 64"), "one `=` sets a value"),
            Case(_in_model("width\n  vocab = 16"), "`=` and a value are missing"),
            Case(_in_model("width { a = 1 }"), "`=` is missing before {found}"),
            Case(_in_backbone("SA-1(heads 4)"), "`=` is missing before {found}"),
            Case(_in_backbone("SA-1(heads: 4)"), "`=` is written here, not `:`"),
            Case(_in_backbone("SA-1(heads == 4)"), "one `=` sets a value"),
            Case(_in_backbone("SA-1(heads)"), "`=` and a value are missing"),
            Case(
                _in_backbone("SA-1(heads, window = 4)"), "`=` and a value are missing"
            ),
            Case(
                _in_search("minimise perplexity"),
                "`=` is missing before {found}",
                "did you mean minimize?",
                when=r"\bminimi[sz]\w*",
            ),
            Case(
                _in_search("maximise accuracy"),
                "`=` is missing before {found}",
                "did you mean maximize?",
                when=r"\bmaximi[sz]\w*",
            ),
        ),
    ),
    Mistake(
        "missing-value",
        "Setting without a value",
        "A value is a number, true or false, a word, a list [a, b], or a word with "
        "parameters: banded(window = 1024).",
        _in_model("width = 64"),
        (
            Case(_in_model("width ="), "a value is missing here", whatever=True),
            Case(_in_model("width = = 64"), "a value is missing before {found}"),
            Case(_in_model("width = (64)"), "a value stands here without parentheses"),
            Case(_in_backbone("SA-1(heads = )"), "a value is missing here"),
            Case(_in_backbone("SA-1(heads = , window = 4)"), "a value is missing here"),
            Case(
                _in_search("pool = [SA-1, , SA-3]"),
                "a value is missing before {found}",
                whatever=True,
            ),
            Case(
                _in_search("pool = [, SA-3]"),
                "a value is missing before {found}",
                whatever=True,
            ),
        ),
    ),
    Mistake(
        "second-value",
        "Two values in one setting",
        "Several values are written as a list, [a, b].",
        _in_model("repeat = [1, 4]"),
        (
            Case(_in_model("repeat = 1 4"), "one value has been set already"),
            Case(_in_model("repeat = a 4"), "one value has been set already"),
            Case(_in_model("repeat = a [4]"), "one value has been set already"),
            Case(_in_model("repeat = 1 [4]"), "one value has been set already"),
            Case(_in_model("repeat = [1] 4"), "one value has been set already"),
            Case(_in_model("repeat = [1] [4]"), "one value has been set already"),
        ),
    ),
    Mistake(
        "missing-name",
        "Value without a name",
        "Parameters and settings have names: SA-1(heads = 4). `starc genes` lists "
        "those of each LIV.",
        _in_backbone("SA-1(heads = 4)"),
        (
            Case(_in_backbone("SA-1(4)"), "`name =` is missing before {found}"),
            Case(_in_backbone("SA-1([4])"), "`name =` is missing before {found}"),
            Case(_in_backbone("SA-1(= 4)"), "the parameter's name is missing"),
            Case(
                _in_backbone("SA-1(, heads = 4)"),
                "a parameter is missing before {found}",
                whatever=True,
            ),
            Case(
                _in_backbone("SA-1(heads = 4, = 8)"), "the parameter's name is missing"
            ),
            Case(_in_model("= 64"), "the setting's name is missing"),
            Case(_in_model("64"), "`name =` is missing before {found}"),
            Case(_in_search("= 64"), "the setting's name is missing"),
            Case(
                _in_backbone("SA-1(heads = 4, 8)"), "`name =` is missing before {found}"
            ),
            Case(
                _in_backbone("SA-1(heads = 4, , window = 8)"),
                "a parameter is missing before {found}",
                whatever=True,
            ),
        ),
    ),
    Mistake(
        "missing-comma",
        "Missing comma",
        "Parameters and the items of a list are separated by commas.",
        _in_backbone("SA-1(heads = 4, window = 8)"),
        (
            Case(
                _in_backbone("SA-1(heads = 4 window = 8)"),
                "`,` is missing before {found}",
            ),
            Case(
                _in_backbone("SA-1(heads = a window = 8)"),
                "`,` is missing before {found}",
            ),
            Case(
                _in_backbone("SA-1(norm = true window = 8)"),
                "`,` is missing before {found}",
            ),
            Case(
                _in_backbone("SA-1(norm = [a] window = 8)"),
                "`,` is missing before {found}",
            ),
            Case(_in_backbone("SA-1(heads = 4; window = 8)"), "`,` is written here"),
            Case(_in_backbone("SA-1(heads = 4 8)"), "`,` is missing before {found}"),
            Case(_in_backbone("SA-1(heads = a 8)"), "`,` is missing before {found}"),
            Case(_in_backbone("SA-1(heads = 4 [8])"), "`,` is missing before {found}"),
            Case(_in_search("pool = [SA-1 SA-3]"), "`,` is missing before {found}"),
            Case(_in_search("pool = [1 2]"), "`,` is missing before {found}"),
            Case(_in_search("pool = [1 a]"), "`,` is missing before {found}"),
            Case(_in_search("pool = [a 1]"), "`,` is missing before {found}"),
            Case(_in_search("pool = [[1] [2]]"), "`,` is missing before {found}"),
            Case(_in_search("pool = [SA-1; SA-3]"), "`,` is written here"),
            Case(_in_search("minimize a b"), "`,` is missing before {found}"),
            Case(_in_backbone("SA-1 genes(1 1)"), "`,` is missing before {found}"),
        ),
    ),
    Mistake(
        "stray-comma",
        "Comma where a line ends",
        "Settings of a block and LIVs end with their line, or with `;`.",
        _in_model("width = 64\n  vocab = 16"),
        (
            Case(
                _in_model("width = 64,\n  vocab = 16"),
                "no comma stands between settings",
            ),
            Case(
                _in_model("vocab = 50,304"),
                "no comma stands between settings",
                "digits are grouped with `_`: 50_304",
                when=r"\d,\d{3}\b",
            ),
            Case(
                _in_model("norm = rms, vocab = 8"), "no comma stands between settings"
            ),
            Case(_in_backbone("SA-1, GMemless"), "no comma stands between LIVs"),
            Case(
                _in_backbone("SA-1(heads = 4), Rec-1"), "no comma stands between LIVs"
            ),
        ),
    ),
    # Statements and blocks ------------------------------------------------------------
    Mistake(
        "missing-separator",
        "Two statements in one",
        "Each LIV, setting and block has a line of its own, or `;` between it and the "
        "next.",
        _in_backbone("SA-1; GMemless"),
        (
            Case(
                _in_backbone("SA-1 GMemless"),
                "a new line or `;` is missing before this",
                "after a LIV come `weights from`, `same as`, or feature groups as in "
                "`k, v from a1`",
                last=True,
            ),
            Case(
                _in_backbone("2 x { SA-1 GMemless }"),
                "a new line or `;` is missing before this",
                "after a LIV come `weights from`, `same as`, or feature groups as in "
                "`k, v from a1`",
                last=True,
            ),
            Case(
                _in_backbone("SA-1 GMemless(expand = 4)"),
                "a new line or `;` is missing before this",
                last=True,
            ),
            Case(
                _in_backbone("a: SA-1 b: SA-1"),
                "a new line or `;` is missing before this",
                last=True,
            ),
            Case(
                _in_backbone("SA-1 12 x { SA-1 }"),
                "a new line or `;` is missing before {found}",
                repair="line",
            ),
            Case(
                _in_backbone("SA-1(heads = 4) 12 x { SA-1 }"),
                "a new line or `;` is missing before {found}",
                repair="line",
            ),
            Case(
                _in_backbone("2 x { SA-1 } GMemless"),
                "a new line or `;` is missing before {found}",
                whatever=True,
                repair="line",
            ),
            Case(
                _in_backbone("parallel { SA-1 } GMemless"),
                "a new line or `;` is missing before {found}",
                whatever=True,
                repair="line",
            ),
            Case(
                _in_model("width = 64 vocab = 16"),
                "a new line or `;` is missing before {found}",
                repair="line",
            ),
            Case(
                _in_model("norm = rms vocab = 16"),
                "a new line or `;` is missing before {found}",
                repair="line",
            ),
            Case(
                _in_model("tied = true vocab = 16"),
                "a new line or `;` is missing before {found}",
                repair="line",
            ),
            Case(
                _in_model("norm = [rms] vocab = 16"),
                "a new line or `;` is missing before {found}",
                repair="line",
            ),
            Case(
                _in_model("norm = rms(eps = 1) vocab = 16"),
                "a new line or `;` is missing before {found}",
                repair="line",
            ),
            Case(
                "model tiny { width = 64 } backbone { SA-1 }",
                "a new line or `;` is missing before {found}",
                repair="line",
            ),
            Case(
                "liv a = SA-1(heads = 4) liv b = SA-1\nbackbone { a }",
                "a new line or `;` is missing before {found}",
                repair="line",
            ),
            Case(
                "liv a = SA-1 liv b = SA-1\nbackbone { a }",
                "a new line or `;` is missing before {found}",
                when=r"\S\s+(liv|model|backbone|search|featurizer)\b",
                repair="line",
            ),
            Case(
                "backbone { SA-1 } model tiny { width = 64 }",
                "a new line or `;` is missing before {found}",
                whatever=True,
                repair="line",
            ),
            Case(
                "search { population = 1 } backbone { SA-1 }",
                "a new line or `;` is missing before {found}",
                whatever=True,
                repair="line",
            ),
        ),
    ),
    Mistake(
        "missing-block",
        "Block without braces",
        "What belongs to a block stands between { and }, with { on the first line.",
        _in_backbone("SA-1"),
        (
            Case("backbone SA-1", "`{` is missing before {found}", whatever=True),
            Case(
                _before("liv X = diff(SA-1) code = 19"),
                "`{` is missing before {found}",
            ),
            Case("backbone\n{ SA-1 }", "`{` stands on this line", repair="join"),
            Case(
                "model tiny\n{ width = 64 }", "`{` stands on this line", repair="join"
            ),
            Case("model\n{ width = 64 }", "`{` stands on this line", repair="join"),
            Case(
                "search\n{ population = 1 }", "`{` stands on this line", repair="join"
            ),
            Case("model width = 64", "`{` is missing before {found}", whatever=True),
            Case("model = 64", "`{` is missing before {found}", whatever=True),
            Case(
                "search pool = [SA-1]", "`{` is missing before {found}", whatever=True
            ),
            Case("featurizer f = qkv", "`{` is missing before {found}", whatever=True),
            Case(
                "featurizer f\n{ groups = [q] }",
                "`{` stands on this line",
                repair="join",
            ),
            Case(
                _in_backbone("parallel SA-1"),
                "`{` is missing before {found}",
                whatever=True,
            ),
            Case(
                _in_backbone("parallel\n  { SA-1 }"),
                "`{` stands on this line",
                repair="join",
            ),
        ),
    ),
    Mistake(
        "unknown-block",
        "Unknown kind of block",
        "A file is made of model, backbone, search, liv and featurizer.",
        "model tiny { width = 64 }\n\nbackbone { SA-1 }\n",
        (
            Case(
                "modle tiny { width = 64 }\n\nbackbone { SA-1 }\n",
                "no block is called {found}",
                when=r"^\s*[\w-]+(\s+[\w-]+)?\s*(\{|=\s*[A-Za-z])",
                repair="block",
            ),
        ),
    ),
    Mistake(
        "outside-block",
        "Text outside of the blocks",
        "LIVs stand in backbone { }, settings in model { } or search { }.",
        _in_backbone("SA-1(heads = 4)"),
        (
            Case("SA-1(heads = 4)\n", "this stands in no block", whatever=True),
            Case("12 x { SA-1 }\n", "this stands in no block"),
        ),
    ),
    Mistake(
        "block-inside-block",
        "Block inside a block",
        "Blocks of a file stand beside one another; only repeats and parallel nest.",
        "liv attn = SA-1(heads = 4)\n\n" + _in_backbone("attn"),
        (
            Case(
                _in_backbone("liv attn = SA-1(heads = 4)"),
                "this definition stands inside the backbone",
                "move it before `backbone {`",
                when=r"^\s*(liv|featurizer)\b",
                last=True,
            ),
            Case(
                _in_backbone("search { population = 1 }"),
                "this block stands inside the backbone",
                "move it out",
                when=r"^\s*(model|backbone|search)\b",
                last=True,
            ),
            Case(
                _in_backbone("liv attn { code = 1 }"),
                "this definition stands inside the backbone",
                "move it before `backbone {`",
                when=r"^\s*(liv|featurizer|model)\b",
                last=True,
            ),
            Case(
                _in_backbone("SA-1 { heads = 4 }"),
                "a LIV has no block",
                "parameters stand between parentheses: SA-1(heads = 4)",
            ),
            Case(
                _in_backbone("SA-1(heads = 4) { SA-3 }"),
                "a LIV has no block",
                "`12 x { ... }` repeats, `parallel { ... }` adds side by side",
            ),
        ),
    ),
    Mistake(
        "missing-parentheses",
        "Parameters without parentheses",
        "The parameters of a LIV stand between parentheses, separated by commas.",
        _in_backbone("SA-1(heads = 4)"),
        (
            Case(
                _in_backbone("SA-1 heads = 4"),
                "`(` is missing before this",
                "SA-1(heads = 4)",
                last=True,
            ),
            Case(_in_backbone("SA-1 = 4"), "a LIV is named here, not set"),
            Case(_before("liv attn = SA-1 = 4"), "a LIV is named here, not set"),
            Case(
                _before("liv attn = SA-1 heads = 4"),
                "`(` is missing before {found}",
                "SA-1(heads = 4)",
            ),
            Case(_in_backbone("SA-1[heads = 4]"), "parameters stand between ( and )"),
            Case("liv X = diff Y\nbackbone { X }", "`(` is missing before {found}"),
            Case("liv X = diff\nbackbone { X }", "`(LIV)` is missing", whatever=True),
            Case(_in_backbone("SA-1 genes 1, 1"), "`(` is missing before {found}"),
        ),
    ),
    Mistake(
        "bad-definition",
        "Definition that defines nothing",
        "A LIV is defined as a name for another, liv attn = SA-1(heads = 4), as the "
        "difference of two, liv D = diff(SA-1), or by its genome, liv Mine { ... }.",
        "liv attn = SA-1(heads = 4)\n\n" + _in_backbone("attn"),
        (
            Case(_before("liv attn"), "`= LIV` or `{ ... }` is missing", whatever=True),
            Case(_before("liv attn SA-1"), "`=` is missing before {found}"),
            Case(_before("liv attn(heads = 4)"), "`=` is missing before {found}"),
            Case(_before("liv attn: SA-1"), "`=` is written here, not `:`"),
            Case(_before("liv attn ="), "the LIV is missing", whatever=True),
            Case(_before("liv attn = { code = 3 }"), "no `=` stands before `{`"),
            Case(_before("liv = SA-1"), "the name is missing", whatever=True),
            Case(_before("featurizer { groups = [q] }"), "the name is missing"),
            Case(_before("featurizer = qkv"), "the name is missing", whatever=True),
            Case(_before("liv D = diff()"), "the LIV is missing", whatever=True),
            Case(
                _before("liv D = diff(SA-1, SA-3)"),
                "a difference is taken of one LIV, with two sets of parameters",
                whatever=True,
            ),
            Case(
                _before("liv D = diff(SA-1(heads = 4))"),
                "the LIV stands here without parameters",
            ),
            Case(
                _before("liv attn = SA-1 weights from a"),
                "sharing is said where the LIV is used, in the backbone",
                when=r"\b(weights|from|same)\b",
            ),
        ),
    ),
    # The backbone ---------------------------------------------------------------------
    Mistake(
        "missing-label",
        "`:` without a label",
        "A label is a name before the LIV: c1: GConv-1.",
        _in_backbone("c1: SA-1"),
        (Case(_in_backbone(": SA-1"), "the label is missing before `:`"),),
    ),
    Mistake(
        "missing-liv",
        "LIV missing",
        "In a backbone stand LIVs, repeats 12 x { ... }, and parallel { ... }. A LIV's "
        "name comes first, then its parameters, then what it shares.",
        _in_backbone("a1: SA-1\n  SA-1 k, v from a1"),
        (
            Case(
                _in_backbone("a1: SA-1\n  k, v from a1"),
                "the LIV is missing before the feature groups",
                when=r"\bfrom\b",
            ),
            Case(
                _in_backbone("a1: SA-1\n  a2: k, v from a1"),
                "the LIV is missing before the feature groups",
                when=r"\bfrom\b",
            ),
            Case(_in_backbone("(heads = 4)"), "the LIV is missing before {found}"),
            Case(_in_backbone("c1: (heads = 4)"), "the LIV is missing before {found}"),
            Case(
                _in_backbone("[SA-1, SA-3]"),
                "a list is no LIV",
                "LIVs follow one another, each on a line of its own or after `;`",
            ),
        ),
    ),
    Mistake(
        "label-without-liv",
        "Label without a LIV",
        "A label names the one LIV that follows it on its line.",
        _in_backbone("c1: SA-1"),
        (
            Case(_in_backbone("c1:"), "the LIV is missing", whatever=True),
            Case(
                _in_backbone("c1: 2 x { SA-1 }"), "a label names one LIV, not a repeat"
            ),
            Case(_in_backbone("c1: a: SA-1"), "a LIV has one label"),
        ),
    ),
    Mistake(
        "repeat-without-count",
        "Repeat without a count",
        "A repeat says how often: 12 x { ... }.",
        _in_backbone("12 x { SA-1 }"),
        (
            Case(
                _in_backbone("x { SA-1 }"),
                "the count is missing before `x`",
                when=r"\bx\s*\{",
                last=True,
            ),
            Case(
                _in_backbone("{ SA-1 }"), "`12 x` or `parallel` is missing before `{`"
            ),
        ),
    ),
    Mistake(
        "repeat-without-block",
        "Repeat without a block",
        "What is repeated stands between braces: 12 x { SA-1 }.",
        _in_backbone("12 x { SA-1 }"),
        (
            Case(
                _in_backbone("12 x SA-1"),
                "`{` is missing before {found}",
                whatever=True,
            ),
            Case(
                _in_backbone("12 x\n  { SA-1 }"),
                "`{` stands on this line",
                repair="join",
            ),
            Case(_in_backbone("12 x"), "`{ ... }` is missing"),
        ),
    ),
    Mistake(
        "repeat-without-x",
        "Repeat without `x`",
        "A repeat is written 12 x { ... }.",
        _in_backbone("12 x { SA-1 }"),
        (
            Case(_in_backbone("12 { SA-1 }"), "`x` is missing before `{`"),
            Case(_in_backbone("12 SA-1"), "`x {` is missing before {found}"),
            Case(_in_backbone("12"), "`x { ... }` is missing", whatever=True),
        ),
    ),
    Mistake(
        "clause-without-from",
        "Sharing without `from`",
        "Sharing is said as `weights from LABEL` or, for features, `k, v from LABEL`.",
        _in_backbone("c1: SA-1\n  SA-1 weights from c1"),
        (
            Case(
                _in_backbone("c1: SA-1\n  SA-1 weights c1"),
                "`from` is missing before {found}",
            ),
            Case(
                _in_backbone("c1: SA-1\n  SA-1 weights"),
                "`from` and a label are missing",
                whatever=True,
            ),
            Case(
                _in_backbone("a1: SA-1\n  SA-1 k, v a1"),
                "`from` is missing before {found}",
            ),
            Case(
                _in_backbone("a1: SA-1\n  SA-1 k, v"),
                "`from` and a label are missing",
                when=",",
            ),
            Case(
                _in_backbone("a1: SA-1\n  SA-1 k a1"),
                "`from` is missing before {found}",
            ),
            Case(
                _in_backbone("c1: SA-1\n  SA-1 weights from"),
                "the label is missing",
                whatever=True,
            ),
            Case(
                _in_backbone("a1: SA-1\n  SA-1 k from"),
                "the label is missing",
                whatever=True,
            ),
        ),
    ),
    Mistake(
        "from-without-groups",
        "`from` without what is shared",
        "What is shared stands before `from`: `weights from LABEL`, or the names of "
        "feature groups as in `k, v from LABEL`.",
        _in_backbone("a1: SA-1\n  SA-1 k, v from a1"),
        (
            Case(
                _in_backbone("a1: SA-1\n  SA-1 from a1"),
                "`weights` or feature groups are missing before `from`",
                when=r"\bfrom\b",
            ),
            Case(
                _in_backbone("a1: SA-1\n  SA-1 k, from a1"),
                "a feature group is missing before `from`",
                when=r",\s*from\b",
            ),
            Case(
                _in_backbone("SA-1 k,"),
                "a feature group is missing after `,`",
                whatever=True,
            ),
        ),
    ),
    Mistake(
        "same-without-as",
        "`same` without `as`",
        "A LIV is used again as a whole with `same as LABEL`.",
        _in_backbone("m1: SA-1\n  SA-1 same as m1"),
        (
            Case(
                _in_backbone("m1: SA-1\n  SA-1 same m1"),
                "`as` is missing before {found}",
            ),
            Case(
                _in_backbone("m1: SA-1\n  SA-1 same"),
                "`as` and a label are missing",
                whatever=True,
            ),
            Case(
                _in_backbone("m1: SA-1\n  SA-1 same as"),
                "the label is missing",
                whatever=True,
            ),
        ),
    ),
    # The search -----------------------------------------------------------------------
    Mistake(
        "bad-requirement",
        "Requirement that requires nothing",
        "A requirement is a measure, one of <=, >=, <, > and ==, and a number.",
        _in_search("require params <= 130M"),
        (
            Case(_in_search("require params 130M"), "`<=` is missing before {found}"),
            Case(_in_search("require params = 130M"), "`==` or `<=` is written here"),
            Case(
                _in_search("require params"),
                "`<=` and a number are missing",
                whatever=True,
            ),
            Case(
                _in_search("require params <= few"),
                "a number stands here",
                whatever=True,
            ),
            Case(_in_search("require"), "the measure is missing", whatever=True),
        ),
    ),
    Mistake(
        "missing-measure",
        "Objective without a measure",
        "What is minimized or maximized is named: minimize perplexity, cache.",
        _in_search("minimize perplexity"),
        (
            Case(_in_search("minimize"), "the measure is missing", whatever=True),
            Case(_in_search("maximize"), "the measure is missing", whatever=True),
            Case(
                _in_search("minimize a,"),
                "a measure is missing after `,`",
                when=r"\b(minimize|maximize)\b",
                whatever=True,
            ),
        ),
    ),
    # Words, told by characters.py and build.py ----------------------------------------
    Mistake(
        "bad-number",
        "Malformed number",
        "Numbers are whole (50_304), decimal (1e-5, 2.5), fractions (8/3), or have a "
        "suffix for thousands, millions and billions (130M).",
        _in_model("width = 1_024"),
        (
            Case(_in_model("width = 1__024")),
            Case(_in_backbone("3x { SA-1 }")),
            Case(_in_model("width = 4k")),
            Case(_in_model("width = .5")),
            Case(_in_model("width = 5.")),
            Case(_in_model("width = 0x10")),
            Case(_in_model("width = 8/0")),
            Case(_in_model("width = 1e999")),
        ),
    ),
    Mistake(
        "bad-character",
        "Unexpected character",
        "Names are made of the letters a to z and A to Z, digits, `_`, and `-` between "
        "these. Other characters may stand in comments.",
        _in_backbone("GConv-1"),
        (
            Case(_in_backbone("GConv\u20131")),
            Case(_in_model("norm = \u201crms\u201d")),
            Case(_in_model('norm = "rms"')),
            Case(_in_model("width\u00a0= 64")),
            Case(_in_backbone("SA-1\uff08heads = 4\uff09")),
            Case(_in_backbone("SA-1 + GMemless")),
            Case(_in_backbone("SA-1 # \x00")),
            Case(_in_backbone("SA-1\x00")),
            Case(_in_model("gr\u00f6\u00dfe = 64")),
        ),
    ),
    Mistake(
        "foreign-comment",
        "Comment of another language",
        "A comment begins with `#` and ends with its line.",
        _in_backbone("SA-1  # attention"),
        (
            Case(_in_backbone("SA-1  // attention")),
            Case(_in_backbone("/* attention */ SA-1")),
            Case(_in_model("width = 64 // wide")),
        ),
    ),
    Mistake(
        "python-word",
        "Python's spelling",
        "The words of a .star file are lower case: true, false and none.",
        _in_model("tied = true"),
        (Case(_in_model("tied = True")), Case(_in_backbone("SA-1(window = None)"))),
    ),
    # Brackets, told by brackets.py ----------------------------------------------------
    Mistake(
        "unclosed",
        "Bracket that is never closed",
        "Every (, [ and { is closed by its counterpart. Two places are shown: where it "
        "is missed at the latest, and where the bracket was opened.",
        _in_backbone("12 x {\n    SA-1\n  }"),
        (
            Case(_in_backbone("12 x {\n    SA-1")),
            Case("backbone {\n  SA-1\n\nsearch {\n  population = 16\n}\n"),
            Case(_in_backbone("SA-1(heads = 4")),
            Case(_in_backbone("SA-1(\n    heads = 4,\n    window = 8")),
            Case(_in_search("pool = [SA-1, SA-3")),
        ),
    ),
    Mistake(
        "stray-bracket",
        "Bracket that closes nothing",
        "Every ), ] and } closes the last bracket that was opened, of its own kind.",
        _in_backbone("SA-1"),
        (
            Case(_in_backbone("SA-1") + "}\n"),
            Case(_in_backbone("SA-1)")),
            Case(_in_backbone("SA-1(heads = 4]")),
        ),
    ),
    # The rest, told by diagnose.py ----------------------------------------------------
    Mistake(
        "syntax",
        "Not understood",
        "The text is not of the form that the language has at this place. The message "
        "says what may stand there.",
        _in_backbone("SA-1"),
        (
            Case(_in_backbone("SA-1 <= 3")),
            Case(_in_backbone("SA-1 genes(a)")),
            Case(_in_model("width = 64 <= 3")),
        ),
    ),
)
