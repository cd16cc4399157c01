"""Mistakes of syntax, from the table that also finds them."""

from starc.catalogue.explanation import Explanation
from starc.frontend.syntax_errors import MISTAKES

EXPLANATIONS = tuple(
    Explanation(m.code, m.title, m.text, m.cases[0].wrong, m.right) for m in MISTAKES
)
