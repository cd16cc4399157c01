"""Which known word a mistyped one was meant to be."""

from string import ascii_lowercase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from starc.alphabet import prelude, templates
from starc.spelling import nearest, slips

LIVS = tuple(prelude().livs)
OPTIONS = tuple(dict.fromkeys(o.name for t in templates() for o in t.options))


@given(st.sampled_from([n for n in OPTIONS if len(n) > 3]), st.data())
def test_one_slip_is_seen(word: str, data: st.DataObject) -> None:
    """A letter left out, doubled, changed or swapped with its neighbour."""
    at = data.draw(st.integers(0, len(word) - 2))
    letter = data.draw(st.sampled_from(ascii_lowercase))
    wrong = data.draw(
        st.sampled_from(
            [
                word[:at] + word[at + 1 :],
                word[:at] + letter + word[at:],
                word[:at] + word[at + 1] + word[at] + word[at + 2 :],
                word.upper(),
                word.replace("_", "-"),
            ]
        )
    )
    found = nearest(wrong, OPTIONS)
    assert found
    written = wrong.lower().replace("-", "").replace("_", "")
    to_found, to_word = (n.replace("_", "") for n in (found, word))
    assert slips(written, to_found, 9) <= slips(written, to_word, 9)


@given(st.text(ascii_lowercase, max_size=8), st.text(ascii_lowercase, max_size=8))
def test_slips_are_a_distance(a: str, b: str) -> None:
    most = 20
    assert slips(a, b, most) == slips(b, a, most)
    assert (slips(a, b, most) == 0) == (a == b)
    assert abs(len(a) - len(b)) <= slips(a, b, most) <= max(len(a), len(b))
    assert slips(a, b, 2) == min(slips(a, b, most), 3)


@pytest.mark.parametrize("name", [n for n in LIVS if len(n) == 3])
def test_another_short_name_is_no_slip(name: str) -> None:
    others = [other for other in LIVS if sorted(other) != sorted(name)]
    assert nearest(name, [n for n in others if len(n) == 3]) == ""


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [
        ("MLA", ("MHA", "GLA", "MQA"), ""),
        ("MAH", ("MHA", "GLA"), "MHA"),
        ("factor", ("theta", "fraction"), ""),
        ("GCnov-1", LIVS, "GConv-1"),
        ("gconv1", LIVS, "GConv-1"),
        ("num_heads", OPTIONS, "heads"),
        ("theta", ("rope_theta", "rope_fraction"), "rope_theta"),
        ("frobnicate", OPTIONS, ""),
    ],
)
def test_what_is_meant(word: str, known: tuple[str, ...], meant: str) -> None:
    assert nearest(word, known) == meant
