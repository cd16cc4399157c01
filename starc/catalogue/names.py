"""Names that mean nothing, or two things."""

from starc.catalogue import Explanation

EXPLANATIONS: tuple[Explanation, ...] = ()
