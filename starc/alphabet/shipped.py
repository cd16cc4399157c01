"""The alphabet that ships with starc: `grammar/prelude.star`, read once a process."""

from functools import cache

from starc import resources
from starc.alphabet.alphabet import Alphabet
from starc.alphabet.definitions import extend
from starc.diagnostics import Problems
from starc.frontend.parse import parse
from starc.frontend.stored import from_json
from starc.source import Source


@cache
def prelude() -> Alphabet:
    """The 17 classes of the paper and the others; do not change what it returns."""
    problems = Problems()
    source = Source("prelude.star", resources.read("grammar", "prelude.star"))
    program = from_json(resources.read("grammar", "prelude.json"), source)
    if program is None:  # it was edited, and `make golden` comes later
        program = parse(source, problems)
    result = extend(Alphabet(), program, problems, shipped=True)
    problems.check()
    return result
