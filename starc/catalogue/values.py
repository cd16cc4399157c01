"""Values of settings and parameters."""

from starc.catalogue import Explanation

EXPLANATIONS: tuple[Explanation, ...] = ()
