"""The Pygments lexer, an entry point of the package: Sphinx, MkDocs, IPython, rich."""

from pygments.lexer import RegexLexer
from pygments.token import Whitespace, string_to_tokentype

from starc.highlight.rules import rules


class StarLexer(RegexLexer):  # type: ignore[misc]  # Pygments has no types
    """Every word of a text that compiles has a type, and none is an error."""

    name = "STAR architecture"
    aliases = ["star", "starc"]
    filenames = ["*.star"]
    tokens = {
        "root": [
            (r"\s+", Whitespace),
            *((rule.regex, string_to_tokentype(rule.token)) for rule in rules()),
        ]
    }
