"""What no .star file may be: errors, so that nothing hangs or overflows."""

from starc.catalogue.explanation import Explanation

_SMALL = "model tiny { width = 64 }\n\nbackbone {\n  MHA\n}\n"

EXPLANATIONS = (
    Explanation(
        "too-large",
        "File too large",
        "A .star file has at most 256 KiB. One of 24 LIVs has a thousand bytes or two; "
        "what is longer was most likely not meant for starc.",
        "",
        _SMALL,
    ),
    Explanation(
        "too-deep",
        "Nested too deeply",
        "Brackets of all kinds nest at most 100 deep.",
        "backbone { " + "2 x { " * 100 + "MHA" + " }" * 100 + " }\n",
        _SMALL,
    ),
    Explanation(
        "not-utf8",
        "Not UTF-8",
        "A .star file is text in UTF-8. Editors that save in another encoding have a "
        "setting for it; files in UTF-16 begin with the bytes FF FE or FE FF.",
        "",
        _SMALL,
    ),
    Explanation(
        "too-many-errors",
        "Too many mistakes",
        "After 50 mistakes of syntax the rest of a file is not looked at: it is most "
        "likely no .star file, or one mistake has led to the others.",
        "",
        _SMALL,
    ),
)
