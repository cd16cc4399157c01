"""Every code that is told has an explanation, whose examples are wrong and right."""

import re
from pathlib import Path

import pytest

from starc.catalogue import Explanation, alphabet, names, sharing, values
from starc.compiler import check

PACKAGE = Path(__file__).parents[2] / "starc"
HERE = (*names.EXPLANATIONS, *values.EXPLANATIONS)
EXPLANATIONS = (*HERE, *sharing.EXPLANATIONS, *alphabet.EXPLANATIONS)


@pytest.mark.parametrize("explanation", EXPLANATIONS, ids=lambda e: e.code)
def test_examples(explanation: Explanation) -> None:
    assert [found.code for found in check(explanation.wrong)] == [explanation.code]
    assert check(explanation.right) == ()


def test_every_code_is_explained_and_shown() -> None:
    told = set()
    for path in (*PACKAGE.glob("lower/*.py"), *PACKAGE.glob("alphabet/**/*.py")):
        told |= set(re.findall(r'^ +"([a-z]+(?:-[a-z]+)+)",$', path.read_text(), re.M))
    codes = {explanation.code for explanation in EXPLANATIONS}
    assert told <= codes
    golden = Path(__file__).with_name("mistakes.txt").read_text()
    shown = set(re.findall(r"^([a-z]+(?:-[a-z]+)+) (?:prelude.star:)?\d", golden, re.M))
    assert shown == codes
