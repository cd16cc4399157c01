"""Lines of templates, whose length depends on the model: read as code, then broken."""

from starc.backend.code import LIMIT, Call, Expression, List, statement


def expression(text: str) -> Expression:
    """A text as a value: a call, whose arguments may be calls, or as it stands."""
    if "(" not in text or text[-1] != ")":
        return text
    head, _, rest = text.partition("(")
    made = Call(head, tuple(map(expression, split(rest.removesuffix(")")))))
    return made if str(made) == text else text  # a tuple of one: its comma stays


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
    items = tuple(map(expression, split(line[index + 1 : -1])))
    if line[-1] == "]":
        return statement(line[:index], List(items), "", indent)
    return statement("", Call(line[:index], items), "", indent)
