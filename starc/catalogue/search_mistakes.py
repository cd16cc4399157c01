"""What `starc evolve` needs of a file beyond what compiles."""

from starc.catalogue.explanation import Explanation

_SEARCH = "model tiny { width = 64 }\n\nsearch {\n  pool = [SA-1]\n  depth = 8\n"

EXPLANATIONS: tuple[Explanation, ...] = (
    Explanation(
        "missing-search",
        "No search block",
        "`starc evolve` reads what to search for from a search block. Everything in it "
        "has a default: `search { }` is enough.",
        "",
        _SEARCH + "}\n",
    ),
    Explanation(
        "unknown-measure",
        "Unknown measure",
        "Objectives and requirements name a measure that starc knows, or a function of "
        "your own as module:function, which is given the candidate. The message lists "
        "the measures and what they take between parentheses.",
        "",
        _SEARCH + "  minimize bits_per_byte, cache(context = 8192)\n}\n",
    ),
    Explanation(
        "wrong-unit",
        "A unit of another measure",
        "A bound may be a time, in s, ms or us, where the measure is one. All others "
        "are plain numbers: bytes, parameters, FLOPs.",
        "",
        _SEARCH + "  require token_p95 <= 20 ms\n}\n",
    ),
    Explanation(
        "seed-depth",
        "A seed of another depth",
        "Every candidate has as many LIVs as `depth` allows, also the backbone of the "
        "file where `seeds` names it.",
        "",
        "model tiny { width = 64 }\n\nbackbone { 4 x { SA-1; GMemless } }\n\n"
        "search { depth = 8; seeds = [backbone] }\n",
    ),
)
