"""Text of kernels and functions, as it stands in their files, without the imports."""

from collections.abc import Iterable
from functools import cache

from starc import resources

GUARDED_TRITON = """try:
    import triton  # type: ignore[import]
    import triton.language as tl  # type: ignore[import]
except ImportError:  # every kernel has a plain PyTorch path
    triton = None"""
"""Once in an emitted file, where a kernel has a Triton form."""

_IMPORT = ("import ", "from ")
_GUARD = ("try:", "except ImportError:")
_SIBLING = "from kernels."


@cache
def kernel_text(name: str) -> str:
    """A file of `kernels/`: its docstring as a comment, then its code, verbatim."""
    docstring, _, code = _kernel(name)
    lines = [f"# {line}".rstrip() for line in docstring.split("\n")]
    return "\n".join([f"# kernels/{name}.py", "#", *lines]) + "\n\n\n" + code


@cache
def function_text(name: str) -> str:
    """A file of `templates/functions/`, verbatim."""
    return _parts(resources.read("templates/functions", f"{name}.py"))[2]


def with_siblings(names: Iterable[str]) -> list[str]:
    """The kernel files and all that they import, each once, before those who do."""
    found: dict[str, None] = {}
    for name in names:
        header = [line.strip() for line in _kernel(name)[1]]
        siblings = [line.split()[1] for line in header if line.startswith(_SIBLING)]
        found |= dict.fromkeys(with_siblings(s.split(".")[1] for s in siblings))
        found[name] = None
    return list(found)


def needs_triton(name: str) -> bool:
    """The kernel file has a Triton form."""
    header = _kernel(name)[1]
    return any(line.strip() == "import triton" for line in header)


def standard_imports(names: Iterable[str]) -> set[str]:
    """What the kernel files import of the standard library, a line each."""
    others = ("torch", "triton", "typing", "kernels")
    found = set()
    for name in names:
        for line in _kernel(name)[1]:
            if line.startswith(_IMPORT) and not line.split()[1].startswith(others):
                found.add(line)
    return found


@cache
def _kernel(name: str) -> tuple[str, list[str], str]:
    """The parts of a kernel file: a search compiles thousands of files in a process."""
    return _parts(resources.read("kernels", f"{name}.py"))


def _parts(text: str) -> tuple[str, list[str], str]:
    """(docstring, lines of the imports, everything after them)."""
    docstring = ""
    if text.startswith('"""'):
        docstring, _, text = text[3:].partition('"""')
    lines = text.split("\n")
    end = next(i for i, line in enumerate(lines) if not _is_header(line))
    return docstring.strip(), lines[:end], "\n".join(lines[end:]).strip("\n")


def _is_header(line: str) -> bool:
    """Blank, part of an import, or of the guard around one that may fail."""
    return not line or line[0] in " )" or line.startswith((*_IMPORT, *_GUARD))
