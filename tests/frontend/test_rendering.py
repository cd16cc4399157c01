"""What a person sees of a mistake, and what an editor gets."""

from starc.diagnostics import Diagnostic, Note, Problems, StarError, render, to_json
from starc.source import Source


def at(text: str, word: str, label: str = "here", name: str = "a.star") -> Diagnostic:
    source = Source(name, text)
    start = text.index(word)
    return Diagnostic("a-code", "A title", source.span(start, start + len(word)), label)


def test_the_sample_of_the_reference() -> None:
    text = "\n" * 13 + "    GCnov-1(kernel = 3)\n"
    source = Source("examples/hybrid.star", text)
    found = Diagnostic(
        "unknown-liv",
        "Unknown LIV",
        source.span(17, 24),
        "did you mean GConv-1?",
        "No LIV of this name is defined here or in the prelude. "
        "`starc explain unknown-liv` lists them.",
    )
    assert (
        render(found)
        == """\
error[unknown-liv]: Unknown LIV
  ┌─ examples/hybrid.star:14:5
14│     GCnov-1(kernel = 3)
  │     ^^^^^^^ did you mean GConv-1?

No LIV of this name is defined here or in the prelude. `starc explain unknown-liv` lists them."""  # noqa: E501
    )


def test_second_places_also_in_other_files() -> None:
    other = Source("prelude.star", "\n" * 120 + "liv SA-1 {")
    first = at("a\nliv SA-1 {", "SA-1", "defined again")
    note = Note(other.span(124, 128), "first defined here")
    found = Diagnostic("twice", "Twice", first.span, "again", "Why.", "rename", (note,))
    assert (
        render(found)
        == """\
error[twice]: Twice
   ┌─ a.star:2:5
  2│ liv SA-1 {
   │     ^^^^ again
   ┌─ prelude.star:121:5
121│ liv SA-1 {
   │     ---- first defined here

Why.
Hint: rename"""
    )


def lines(found: Diagnostic) -> tuple[str, str]:
    _, _, text, under = render(found).split("\n")[:4]
    return text, under


def test_tabs_and_wide_characters_keep_the_underline_in_place() -> None:
    text, under = lines(at("\ta = \tbc", "bc"))
    assert text.index("bc") == under.index("^^")
    assert "\t" not in text
    text, under = lines(at("# 宽宽 é\u0301 x", "x"))
    assert under.index("^") == text.index("x") + 2 - 1  # two wide, one of no width


def test_a_span_of_several_lines_is_cut_at_its_first() -> None:
    text, under = lines(at("model {\n  a\n}", "{\n  a\n}"))
    assert under.count("^") == 1


def test_an_empty_span_is_one_mark() -> None:
    for place in (0, 3, 4):
        source = Source("a.star", "abc\n")
        found = Diagnostic("a", "A", source.span(place, place), "x")
        assert render(found).count("^") == 1
    assert render(Diagnostic("a", "A", Source("a.star", "").span(0, 0), "x"))


def test_long_lines_are_shown_around_the_place() -> None:
    text, under = lines(at("a" * 500 + "HERE" + "b" * 500, "HERE"))
    assert len(text) < 110 and "…" in text[:5] and text.endswith("…")
    assert text.index("HERE") == under.index("^^^^")
    text, under = lines(at("a" * 500 + "HERE", "HERE"))
    assert text.endswith("HERE") and text.index("HERE") == under.index("^^^^")
    _, under = lines(at("x" * 1000, "x" * 900))
    assert len(under) < 120


def test_nothing_printed_controls_the_terminal() -> None:
    for bad in ("\x1b[31m", "\x00", "\r", "\u202e", "\u2028", "\ud800"):
        shown = render(at(f"a {bad} b", "b"))
        assert bad[0] not in shown
        shown.encode("utf-8")


def test_color() -> None:
    found = at("model x", "x")
    colored = render(found, color=True)
    assert "\x1b[1;31m" in colored
    plain = colored
    for code in ("\x1b[1;31m", "\x1b[34m", "\x1b[1m", "\x1b[0m"):
        plain = plain.replace(code, "")
    assert plain == render(found)


def test_json() -> None:
    first = at("a\nbcd\n", "bcd")
    note = Note(first.span.source.span(0, 1), "and here")
    found = Diagnostic("code", "Title", first.span, "label", "why", "do", (note,))
    assert to_json(found) == {
        "code": "code",
        "severity": "error",
        "message": "Title",
        "label": "label",
        "text": "why",
        "hint": "do",
        "file": "a.star",
        "line": 2,
        "column": 1,
        "end_line": 2,
        "end_column": 4,
        "notes": [
            {
                "message": "and here",
                "file": "a.star",
                "line": 1,
                "column": 1,
                "end_line": 1,
                "end_column": 2,
            }
        ],
    }


def test_the_exception_says_everything() -> None:
    problems = Problems()
    problems.check()
    problems.found += [at("a b", "a"), at("a b", "b")]
    try:
        problems.check()
    except StarError as error:
        assert len(error.diagnostics) == 2 and str(error).count("error[a-code]") == 2
    else:
        raise AssertionError
