"""Formatting of what the templates could not foresee."""

import textwrap

from starc.backend.code import LIMIT

MOST_LINES = 1_000
"""That black is asked to format: it takes half a second for so many."""

_BETWEEN = "\n\n\n"  # two definitions


def tidy(text: str) -> str:
    """The text itself, or black's version of what a long name made too long in it.

    The templates are written the way black formats (tests hold them to it), so that a
    usual file does not pay for importing black, which takes longer than compiling, and
    a model of thousands of long names keeps its long lines.
    """
    lines = text.split("\n")
    if max(map(len, lines)) <= LIMIT:
        return text
    text = "\n".join(map(_comment_above, lines))
    definitions = text.split(_BETWEEN)
    long = [index for index, each in enumerate(definitions) if _is_long(each)]
    if not long or sum(definitions[i].count("\n") for i in long) > MOST_LINES:
        return text
    import black

    for index in long:
        formatted = black.format_str(definitions[index], mode=black.Mode())
        definitions[index] = formatted.removesuffix("\n")
    return _BETWEEN.join(definitions)


def _is_long(text: str) -> bool:
    return any(len(line) > LIMIT and line[0] != "#" for line in text.split("\n"))


def _comment_above(line: str) -> str:
    """A comment that makes a line of code too long, on lines of its own before it.

    Black leaves comments as they are, so it is not asked.
    """
    if len(line) <= LIMIT:
        return line
    code, mark, comment = line.partition("  # ")
    plain = code.strip() and not any(sign in code for sign in "\"'#")
    if not mark or not plain:
        return line
    start = code[: len(code) - len(code.lstrip())] + "# "
    above = textwrap.wrap(
        comment,
        LIMIT,
        initial_indent=start,
        subsequent_indent=start,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join([*above, code])
