"""Line breaking as black does it, for the lines whose length depends on the model."""

LIMIT = 88


def call(
    head: str, arguments: list[str], tail: str = ")", indent: int = 0
) -> list[str]:
    """Lines of `head` + arguments + `tail`, broken only where they do not fit.

    `head` ends with the opening bracket. Black's three shapes in turn: all on one line;
    the arguments on one line of their own, but for lists; one argument a line, with a
    trailing comma.
    """
    space = " " * indent
    line = f"{space}{head}{', '.join(arguments)}{tail}"
    if len(line) <= LIMIT:
        return [line]
    inner = " " * (indent + 4)
    middle = inner + ", ".join(arguments)
    if len(middle) <= LIMIT and not tail.startswith("]"):
        return [space + head, middle, space + tail]
    lines = [space + head]
    for argument in arguments:
        lines.extend(_argument(argument, indent + 4))
    return [*lines, space + tail]


def _argument(text: str, indent: int) -> list[str]:
    """One argument with its comma, itself a call that may have to be broken."""
    if indent + len(text) + 1 <= LIMIT or "(" not in text:
        return [" " * indent + text + ","]
    head, _, rest = text.partition("(")
    return call(head + "(", split(rest.removesuffix(")")), "),", indent)


def split(text: str) -> list[str]:
    """The arguments in a text, cut at the commas outside of brackets."""
    parts, depth, start = [], 0, 0
    for index, character in enumerate(text):
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif character == "," and not depth:
            parts.append(text[start:index].strip())
            start = index + 1
    last = text[start:].strip()
    return [*parts, last] if last else parts


def fitted(line: str) -> list[str]:
    """An indented line of a template, which a long name may have made too long.

    Its comment is left out if it is the comment that does not fit.
    """
    code = line.partition("  # ")[0]
    if len(line) <= LIMIT or code.lstrip()[:1] in ("", "#"):
        return [line]
    return broken(code.lstrip(), len(code) - len(code.lstrip()))


def broken(line: str, indent: int) -> list[str]:
    """A statement that ends with a bracket, broken inside it where it is too long."""
    if indent + len(line) <= LIMIT or line[-1] not in ")]":
        return [" " * indent + line]
    depth = 0
    for index in range(len(line) - 1, -1, -1):
        depth += (line[index] in ")]") - (line[index] in "([")
        if not depth:
            break
    return call(line[: index + 1], split(line[index + 1 : -1]), line[-1], indent)
