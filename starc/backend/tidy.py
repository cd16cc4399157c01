"""Formatting of what the templates could not foresee."""

import textwrap

from starc.backend.layout import LIMIT


def tidy(text: str) -> str:
    """The text itself, or black's version of it if a long name made a line too long.

    The templates are written the way black formats (tests hold them to it), so that a
    usual file does not pay for importing black, which takes longer than compiling.
    """
    text = "\n".join(map(_comment_above, text.split("\n")))
    if all(len(line) <= LIMIT or line[0] == "#" for line in text.split("\n")):
        return text
    import black

    return black.format_str(text, mode=black.Mode())


def _comment_above(line: str) -> str:
    """A comment that makes a line of code too long, on lines of its own before it.

    Black leaves comments as they are, so it is not asked.
    """
    code, mark, comment = line.partition("  # ")
    plain = code.strip() and not any(sign in code for sign in "\"'#")
    if len(line) <= LIMIT or not mark or not plain:
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
