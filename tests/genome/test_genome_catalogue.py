"""Every code of this part is explained, and its examples are what they say."""

import pytest

from starc.catalogue import Explanation
from starc.catalogue.genomes import EXPLANATIONS
from starc.diagnostics import Problems, StarError
from starc.frontend.parse import parse
from starc.genome import Genome, encode
from starc.source import Source

CODES = {
    "malformed-genome",
    "illegal-genome",
    "not-in-genome",
    "bad-genes",
    "genes-disagree",
}


def encoded(text: str) -> Genome:
    problems = Problems()
    program = parse(Source("test.star", text), problems)
    problems.check()
    return encode(program)


def test_every_code_is_explained() -> None:
    assert {explanation.code for explanation in EXPLANATIONS} == CODES


@pytest.mark.parametrize("explanation", EXPLANATIONS, ids=lambda e: e.code)
def test_examples(explanation: Explanation) -> None:
    assert encoded(explanation.right)
    if explanation.wrong:
        with pytest.raises(StarError) as raised:
            encoded(explanation.wrong)
        assert raised.value.diagnostics[0].code == explanation.code
