"""Text of kernels and functions, as it stands in their files, without the imports."""

from functools import cache

from starc import resources


@cache
def kernel_text(name: str) -> str:
    """A file of `kernels/`: its docstring as a comment, then its code, verbatim."""
    text = resources.read("kernels", f"{name}.py")
    docstring, code = _parts(text)
    lines = [f"# {line}".rstrip() for line in docstring.split("\n")]
    return "\n".join([f"# kernels/{name}.py", "#", *lines]) + "\n\n\n" + code


@cache
def function_text(name: str) -> str:
    """A file of `templates/functions/`, verbatim."""
    return _parts(resources.read("templates/functions", f"{name}.py"))[1]


def _parts(text: str) -> tuple[str, str]:
    """(docstring, everything from the first line after the imports on)."""
    docstring = ""
    if text.startswith('"""'):
        docstring, _, text = text[3:].partition('"""')
    lines = text.split("\n")
    last = max(
        (i for i, line in enumerate(lines) if line.startswith(("import ", "from "))),
        default=-1,
    )
    return docstring.strip(), "\n".join(lines[last + 1 :]).strip("\n")
