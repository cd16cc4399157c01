"""Text of kernels and functions: of their files, the parts that something reaches."""

import ast
import json
from collections.abc import Iterable
from functools import cache, lru_cache

from starc import resources
from starc.backend.code import reads
from starc.backend.kernel_index import INDEX, PLAIN, File, Part, gpu_only

GUARDED_TRITON = """try:
    triton: Any = import_module("triton")
    tl: Any = import_module("triton.language")
except ImportError:  # every kernel has a plain PyTorch path
    triton = None"""
"""Once in an emitted file, where a kernel has a Triton form."""

GUARD = "if triton is not None:"


class Kernels:
    """What of `kernels/` a file needs that calls the functions `called`.

    plain: without Triton; branches that choose it are left out, and all they need.
    Where `kernels/plain/` has a function, that one is taken: its gradients are left to
    autograd, which costs memory and time, and spares a reader half of the lines.
    """

    def __init__(self, called: Iterable[str], plain: bool = False) -> None:
        self.plain = plain
        self.reached: set[str] = set()
        self.imports: dict[str, str] = {}  # name -> module of the standard library
        places = self.places = _places(plain)
        waiting = [name for name in called if name in places]
        while waiting:
            name = waiting.pop()
            if name in self.reached:
                continue
            self.reached.add(name)
            file, part = places[name]
            for needed in part["plain_needs" if plain else "needs"]:
                if needed in places:
                    waiting.append(needed)
                else:
                    self.imports[needed] = _index()[file]["imports"][needed]
        files = {places[name][0] for name in self.reached}
        self.files = [name for name in _index() if name in files]  # in their order

    @property
    def triton(self) -> bool:
        """Some part is there only with Triton."""
        return any(self.places[name][1]["guarded"] for name in self.reached)

    def parts(self) -> dict[str, tuple[str, ...]]:
        """File -> the names that are taken of it, in their order."""
        return {
            name: tuple(
                defined
                for part in _index()[name]["parts"]
                for defined in part["defines"]
                if defined in self.reached and self.places[defined][0] == name
            )
            for name in self.files
        }

    def texts(self) -> list[str]:
        """One for each file: its docstring as a comment, then the parts, verbatim."""
        return [
            _text(name, frozenset(defined), self.plain)
            for name, defined in self.parts().items()
        ]


@lru_cache(maxsize=512)
def _text(name: str, taken: frozenset[str], plain: bool) -> str:
    """What a file defines of `taken`. A search compiles many models of few kernels."""
    docstring, lines = _lines(name)
    if plain:  # what is about Triton says nothing here
        parts = docstring.split("\n\n")
        docstring = "\n\n".join(part for part in parts if "Triton" not in part)
    comment = [f"# {line}".rstrip() for line in docstring.split("\n") if docstring]
    text = "\n".join([f"# kernels/{name}.py", *["#"][: len(comment)], *comment])
    guarded = False
    for part in _index()[name]["parts"]:
        if taken.isdisjoint(part["defines"]):
            continue
        gap = "\n\n" if part["guarded"] and guarded else "\n\n\n"
        if part["guarded"] and not guarded:
            text += f"\n\n\n{GUARD}"
            gap = "\n\n"
        guarded = part["guarded"]
        text += gap + "\n".join(_part(part, lines, plain))
    return text


def _part(part: Part, lines: list[str], plain: bool) -> list[str]:
    first, last = part["lines"]
    if not plain:
        return lines[first - 1 : last]
    left_out = {n for a, b in part["cut"] for n in range(a, b + 1)}
    return [lines[n - 1] for n in range(first, last + 1) if n not in left_out]


@cache
def function_text(name: str, plain: bool = False) -> str:
    """A file of `templates/functions/`, verbatim.

    plain: what is there for GPUs alone is left out, as in kernels.
    """
    text = resources.read("templates/functions", f"{name}.py")
    lines = text.split("\n")
    end = next(i for i, line in enumerate(lines) if not _is_header(line))
    body = ast.parse(text).body if plain else []
    cut = [span for node in body for span in gpu_only(node)]
    kept = [
        line
        for number, line in enumerate(lines[end:], end + 1)
        if not any(first <= number <= last for first, last in cut)
    ]
    return "\n".join(kept).strip("\n")


def functions(names: Iterable[str], read: Iterable[str], plain: bool) -> dict[str, str]:
    """Name -> text, in their order, of those that are read, or that a later one reads.

    plain: as for one text.
    """
    found: dict[str, str] = {}
    needed = set(read)
    for name in reversed(tuple(dict.fromkeys(names))):
        if name in needed:
            found[name] = function_text(name, plain)
            needed |= reads(found[name])
    return dict(reversed(found.items()))


def _is_header(line: str) -> bool:
    """Blank, or part of an import."""
    return not line or line[0] in " )" or line.startswith(("import ", "from "))


@cache
def _index() -> dict[str, File]:
    found: dict[str, File] = json.loads(resources.read("kernels", INDEX))
    return found


@cache
def _places(plain: bool) -> dict[str, tuple[str, Part]]:
    """Name of a function, class or constant -> its file, and the part there."""
    return {
        name: (file, part)
        for file, entry in _index().items()  # those in plain/ come last
        if plain or not file.startswith(PLAIN)
        for part in entry["parts"]
        for name in part["defines"]
    }


@cache
def _lines(name: str) -> tuple[str, list[str]]:
    """The docstring of a kernel file, and all its lines."""
    text = resources.read("kernels", f"{name}.py")
    return text[3:].partition('"""')[0].strip(), text.split("\n")
