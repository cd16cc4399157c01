"""Reading a structure: `low_rank`, `banded(window = 1024)`."""

from collections.abc import Mapping

from starc.alphabet.near import near
from starc.alphabet.settings import collect
from starc.alphabet.structures import SYNONYMS, Structure
from starc.diagnostics import Problems
from starc.frontend import ast
from starc.source import Span
from starc.values import dataclass


@dataclass(frozen=True)
class WrittenStructure:
    """A structure as written. `span`: of the whole value; `arguments` still unread."""

    structure: Structure
    arguments: dict[str, ast.Setting]
    span: Span

    @property
    def text(self) -> str:
        return self.structure.word


def read_structure(
    setting: ast.Setting, known: Mapping[str, Structure], problems: Problems
) -> WrittenStructure | None:
    """The structure that a setting names, or None with a problem added."""
    choice, value = setting.name.text, setting.value
    name = value.name if isinstance(value, ast.Call) else value
    if not isinstance(name, ast.Name):
        problems.add(
            "wrong-value",
            f"Wrong value for `{choice}`",
            value.span,
            "not the name of a structure",
            f"`{choice}` is one of: {', '.join(known)}.",
        )
        return None
    structure = known.get(SYNONYMS.get(name.text, name.text))
    if structure is None:
        problems.add(
            "unknown-structure",
            "Unknown structure",
            name.span,
            near(name.text, known, problems),
            f"`{choice}` is one of: {', '.join(known)}.",
        )
        return None
    arguments: dict[str, ast.Setting] = {}
    if isinstance(value, ast.Call):
        arguments = collect(
            value.arguments,
            structure.arguments,
            f"`{structure.word}`",
            problems,
            "unknown-parameter",
        )
    if structure.required and structure.required not in arguments:
        if not isinstance(value, ast.Call) or not value.arguments:
            problems.add(
                "missing-parameter",
                f"`{structure.word}` needs its `{structure.required}`",
                value.span,
                f"no {structure.required}",
                f"{structure.meaning[0].upper()}{structure.meaning[1:]}.",
                f"write {structure.word}({structure.required} = 4)",
            )
        return None
    return WrittenStructure(structure, arguments, value.span)
