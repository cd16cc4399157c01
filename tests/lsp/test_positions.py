"""Places as editors count them, against Python's own UTF-16."""

from hypothesis import given
from hypothesis import strategies as st

from starc.lsp.positions import Text

TEXTS = st.text(alphabet="a\n\r é😀𝔸#", max_size=30)


def there(text: str, offset: int) -> tuple[int, int]:
    """Line and unit, by splitting and encoding: lines end with \\r\\n, \\n or \\r."""
    before = text[:offset].replace("\r\n", "\n").replace("\r", "\n")
    line = before.split("\n")[-1]
    return before.count("\n"), len(line.encode("utf-16-le")) // 2


@given(TEXTS)
def test_every_place_is_where_utf_16_has_it(given_text: str) -> None:
    text = Text(given_text)
    at = 0
    for offset in range(len(text.plain) + 1):
        assert text.position(offset) == there(given_text, at)
        assert text.offset(*text.position(offset)) == offset
        at += 1 + (given_text[at : at + 2] == "\r\n")


@given(TEXTS, st.integers(-3, 40), st.integers(-3, 40))
def test_a_place_outside_the_text_is_one_inside(
    given_text: str, line: int, character: int
) -> None:
    text = Text(given_text)
    offset = text.offset(line, character)
    assert 0 <= offset <= len(text.plain)
    found = text.position(offset)
    assert found <= (max(line, 0), max(character, 0)) or line < 0


def test_half_a_character_is_its_start() -> None:
    assert Text("a😀b").offset(0, 2) == 1
    assert Text("a😀b").offset(0, 3) == 2


def test_a_byte_order_mark_is_a_unit_of_the_first_line() -> None:
    text = Text("\ufeffab\nc")
    assert text.plain == "ab\nc"
    assert text.position(0) == (0, 1) and text.offset(0, 3) == 2
    assert text.position(3) == (1, 0) and text.offset(0, 0) == 0
