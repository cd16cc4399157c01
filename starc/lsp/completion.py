"""What may be written at a place: words of the grammar, and names that mean something
there."""

from collections.abc import Iterable, Iterator

from starc.alphabet import Meaning, Option
from starc.evolve.problem.objectives import MEASURES
from starc.frontend import ast
from starc.lsp import describe, sharable
from starc.lsp.cursor import NAME, Cursor
from starc.lsp.document import Document
from starc.lsp.names import Word
from starc.lsp.vocabulary import options, values
from starc.values import dataclass


@dataclass(frozen=True)
class Completion:
    """One proposal: `text` takes the place of [start, end) of the plain text.

    kind: that of a Word, or "keyword". detail: a few words beside it. about: Markdown.
    """

    label: str
    kind: str
    start: int
    end: int
    text: str
    detail: str = ""
    about: str = ""


def completions(document: Document, offset: int) -> list[Completion]:
    """All that may stand at the place, whatever of a word stands there already."""
    cursor = Cursor(document.source.text, offset)
    if cursor.in_comment or cursor.word[:1].isdigit():
        return []
    found = [
        Completion(word, "keyword", cursor.start, offset, word)
        for word in cursor.keywords
        if word not in ("true", "false")  # are values, where they may be
    ]
    for word in cursor.names:
        found += _of(document, cursor, word)
    return found


def _of(document: Document, cursor: Cursor, word: Word) -> Iterator[Completion]:
    """The names that `word`, which stands at the place, may be."""

    def make(
        label: str, detail: str = "", about: str = "", text: str = ""
    ) -> Completion:
        return Completion(
            label, word.kind, cursor.start, cursor.offset, text or label, detail, about
        )

    alphabet = document.alphabet
    match word.kind:
        case _ if word.defines:
            pass  # a new name is the user's own
        case "liv":
            for name, found in alphabet.livs.items():
                yield make(
                    name, _title(found), found and describe.meaning(name, found) or ""
                )
        case "featurizer":
            for name, genome in alphabet.featurizers.items():
                groups = ", ".join(genome.groups) if genome else ""
                yield make(name, groups, describe.featurizer(name, genome))
        case "label" if isinstance(word.node, ast.Use):
            before = cursor.start
            for label in sharable.labels(document, word.node, before):
                use = next(
                    u for u in document.uses if u.label and u.label.text == label
                )
                yield make(label, use.liv.text)
        case "group" if isinstance(word.node, ast.Use):
            built = document.built(word.node)
            taken = {c.text for c in _groups(word.node)}
            for group in built.operator.groups if built else ():
                if group.name not in taken:
                    yield make(group.name, f"(B, T, {group.width})")
            if sharable.may_read(word.node) and sharable.answers(
                document, cursor.start
            ):
                for name, about in describe.READS.items():
                    yield make(name, about=about)
        case "setting":
            said = _said(word.node, word.path) | _around(document, cursor.start, word)
            for row in _new(options(word.path, alphabet).values(), said):
                text = f"{row.name} = "
                yield make(
                    row.name,
                    row.takes if _ranged(row) else "",
                    describe.option(row),
                    text,
                )
        case "value":
            for value, about in values(word.path, alphabet).items():
                yield make(value, about)
        case "measure":
            for name, measure in MEASURES.items():
                yield make(name, measure.unit, describe.measure(name))


def _title(found: Meaning | None) -> str:
    return "" if found is None else found.liv.template.title


def _ranged(row: Option) -> bool:
    return bool(row.choices) or row.type != "word"


def _new(rows: Iterable[Option], said: set[str]) -> list[Option]:
    return [row for row in rows if row.name not in said]


def _groups(use: ast.Use) -> Iterator[ast.Name]:
    for clause in use.clauses:
        if isinstance(clause, ast.FeaturesFrom):
            yield from clause.groups


def _said(node: ast.Node, path: tuple[str, ...]) -> set[str]:
    """The settings that stand beside the place already, those of its statement."""
    settings: tuple[ast.Setting, ...] = ()
    if isinstance(node, ast.Use | ast.LivAlias):
        settings = node.arguments
    elif isinstance(node, ast.Model | ast.Featurizer | ast.LivGenome | ast.Search):
        settings = node.settings if len(path) == 1 else ()
    return {s.name.text for s in settings} - {NAME}


def _around(document: Document, place: int, word: Word) -> set[str]:
    """The settings of the block around the place, as far as they can be read."""
    if len(word.path) > 1:
        return set()
    found: set[str] = set()
    for item in document.program.items:
        if type(item) is type(word.node) and item.span.start < place < item.span.end:
            found |= _said(item, word.path)
    return found
