"""Formatting of what the templates could not foresee."""

from starc.backend.layout import LIMIT


def tidy(text: str) -> str:
    """The text itself, or black's version of it if a long name made a line too long.

    The templates are written the way black formats (tests hold them to it), so that a
    usual file does not pay for importing black, which takes longer than compiling.
    """
    if all(len(line) <= LIMIT or line[0] == "#" for line in text.split("\n")):
        return text
    import black

    return black.format_str(text, mode=black.Mode())
