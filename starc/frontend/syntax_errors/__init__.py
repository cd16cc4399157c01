"""Every mistake of syntax, by example: catalogue, matcher and test in one table.

A `Case` is a small wrong file. The parser stops in it at some state with some token,
and what is said there is said wherever it stops like that (diagnose.py). Cases without
a label are told elsewhere: brackets.py, characters.py, build.py.
"""

from starc.frontend.syntax_errors import (
    backbone,
    blocks,
    clauses,
    search_block,
    settings,
    statements,
    tokens,
)
from starc.frontend.syntax_errors.cases import Case, Mistake

__all__ = ["MISTAKES", "Case", "Mistake"]

MISTAKES = (
    *settings.MISTAKES,
    *statements.MISTAKES,
    *blocks.MISTAKES,
    *backbone.MISTAKES,
    *clauses.MISTAKES,
    *search_block.MISTAKES,
    *tokens.MISTAKES,
)
