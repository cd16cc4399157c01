"""Names of a program -> LIV classes with a code, through aliases and definitions."""

from collections.abc import Iterable
from dataclasses import dataclass

from starc.frontend import ast
from starc.genome.classes import CLASSES, Classes, LivClass
from starc.genome.strategies import Groups


@dataclass(frozen=True)
class Word:
    """What a name in the backbone stands for.

    `liv`: its class, None where it has no code. `arguments`: what the aliases on the
    way to it set, the nearest last.
    """

    liv: LivClass | None
    arguments: tuple[ast.Setting, ...] = ()


class Dictionary:
    """The LIV names of a program: its own and those of the 17 classes."""

    def __init__(self, program: ast.Program, classes: Classes = CLASSES) -> None:
        self._by_name = {liv.name: liv for liv in classes.values()}
        self._items: dict[str, ast.LivAlias | ast.LivGenome | ast.LivDiff] = {}
        self._featurizers: dict[str, Groups] = {
            liv.featurizer: liv.groups for liv in classes.values()
        }
        for item in program.items:
            if isinstance(item, ast.LivAlias | ast.LivGenome | ast.LivDiff):
                self._items.setdefault(item.name.text, item)
            elif isinstance(item, ast.Featurizer):
                self._featurizers[item.name.text] = _group_names(item.settings)
        self._found: dict[str, Word] = {}

    def look_up(self, name: str) -> Word:
        """The word of this name; unknown names and circles have no class."""
        word = self._found.get(name)
        if word is None:
            word = self._found[name] = self._resolve(name)
        return word

    def _resolve(self, name: str) -> Word:
        arguments: list[ast.Setting] = []
        seen: set[str] = set()
        while isinstance(item := self._items.get(name), ast.LivAlias):
            if name in seen:
                return Word(None)
            seen.add(name)
            arguments[:0] = item.arguments
            name = item.liv.text
        if item is None:
            return Word(self._by_name.get(name), tuple(arguments))
        code = _integer(item.settings, "code")
        if code is None:
            return Word(None, tuple(arguments))
        groups = self._groups(item)
        return Word(LivClass(code, name, "", groups, (), ""), tuple(arguments))

    def _groups(self, item: ast.LivGenome | ast.LivDiff) -> Groups:
        """The feature groups of a LIV of the user's; () where nothing tells them."""
        if isinstance(item, ast.LivGenome):
            for setting in item.settings:
                value = setting.value
                if setting.name.text == "featurizer" and isinstance(value, ast.Name):
                    return self._featurizers.get(value.text, ())
            return ()
        of, seen = item.of.text, {item.name.text}
        while of not in seen:
            seen.add(of)
            twin = self._items.get(of)
            if twin is None:
                return self._by_name[of].groups if of in self._by_name else ()
            if isinstance(twin, ast.LivGenome):
                return self._groups(twin)
            of = twin.liv.text if isinstance(twin, ast.LivAlias) else twin.of.text
        return ()


def _group_names(settings: Iterable[ast.Setting]) -> Groups:
    for setting in settings:
        if setting.name.text == "groups" and isinstance(setting.value, ast.List):
            items = setting.value.items
            return tuple(item.text for item in items if isinstance(item, ast.Name))
    return ()


def _integer(settings: Iterable[ast.Setting], name: str) -> int | None:
    for setting in settings:
        value = setting.value
        if setting.name.text == name and isinstance(value, ast.Number):
            whole = value.value == value.value // 1
            return int(value.value) if whole else None
    return None
