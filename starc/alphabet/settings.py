"""Lists of settings: unknown names and settings made twice."""

from collections.abc import Collection, Mapping, Sequence

from starc.alphabet.near import near
from starc.alphabet.option import Given, Givens, Option, Quantity, read
from starc.diagnostics import Note, Problems
from starc.frontend import ast
from starc.numerals import written
from starc.source import Span


def collect(
    settings: Sequence[ast.Setting],
    known: Collection[str],
    of: str,
    problems: Problems,
    code: str = "unknown-setting",
) -> dict[str, ast.Setting]:
    """The settings by name; those that nobody knows or that come again are told.

    `of`: whose settings they are, as in "GQA" or "the model block". `code`:
    "unknown-parameter" where they stand between the parentheses of a LIV.
    """
    found: dict[str, ast.Setting] = {}
    what = code.removeprefix("unknown-")
    for setting in settings:
        name = setting.name.text
        if name in found:
            problems.add(
                "setting-twice",
                f"`{name}` is set twice",
                setting.span,
                "again here",
                "Only one of the two can hold.",
                "delete one",
                (Note(found[name].span, "first here"),),
            )
        elif name in known:
            found[name] = setting
        else:
            text = f"{of} has no {what} of this name."
            if known:
                text = f"{text[:-1]}. It has: {', '.join(known)}."
            problems.add(
                code,
                f"Unknown {what}",
                setting.name.span,
                near(name, known, problems),
                text,
            )
    return found


def read_all(
    settings: Mapping[str, ast.Setting],
    options: Mapping[str, Option],
    problems: Problems,
) -> Givens:
    """The values of those settings that are options."""
    found: Givens = {}
    for name, setting in settings.items():
        option = options.get(name)
        if option is not None:
            value = read(option, setting.value, problems)
            if value is not None:
                found[name] = Given(value, setting.value.span)
    return found


def read_call(
    setting: ast.Setting | None,
    words: Mapping[str, Mapping[str, Option]],
    default: str,
    problems: Problems,
) -> tuple[str, Givens]:
    """A word with arguments, `rope(theta = 1e6)`; the default where it is wrong."""
    if setting is None:
        return default, {}
    value: ast.Value = setting.value
    arguments: tuple[ast.Setting, ...] = ()
    if isinstance(value, ast.Call):
        arguments, value = value.arguments, value.name
    choice = Option(setting.name.text, "word", "", choices=tuple(words))
    word = read(choice, value, problems)
    if not isinstance(word, str):
        return default, {}
    of = f"`{word}`"
    known = collect(arguments, words[word], of, problems, "unknown-parameter")
    return word, read_all(known, words[word], problems)


Conflict = tuple[str, Quantity | None, str]
"""(a, value, b): b may not be set beside a = value (None: beside any a)."""


def check_conflicts(
    given: Givens, conflicts: Sequence[Conflict], problems: Problems
) -> None:
    """Two settings of one list that exclude one another."""
    for first, value, second in conflicts:
        if first in given and second in given:
            if value is None or given[first].value == value:
                said = first if value is None else f"{first} = {written(value)}"
                contradiction(
                    second, said, given[second].span, given[first].span, problems
                )


def contradiction(
    name: str, said: str, span: Span, other: Span, problems: Problems
) -> None:
    """`name`, at `span`, cannot be set where `said` holds, at `other`."""
    problems.add(
        "conflicting-settings",
        f"`{name}` contradicts `{said}`",
        span,
        f"cannot be set beside `{said}`",
        "Both are about the same thing, and only one can hold.",
        "delete one of the two",
        (Note(other, "set here"),),
    )
