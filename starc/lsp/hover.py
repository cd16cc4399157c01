"""What a place of the text means: a name, a number, a keyword, a mistake."""

from collections.abc import Iterator
from inspect import cleandoc
from typing import assert_never

from starc.catalogue import explain
from starc.diagnostics import Diagnostic
from starc.frontend import ast
from starc.genome import backbone_tables
from starc.ir.descriptions import number, said_none, sharing
from starc.lsp import describe, navigation
from starc.lsp import names as at
from starc.lsp.cursor import Cursor, named
from starc.lsp.document import BYTES, Document
from starc.lsp.names import Word
from starc.lsp.vocabulary import option, structures, values
from starc.source import Span
from starc.values import dataclass


@dataclass(frozen=True)
class Hover:
    """Markdown, and what of the text it is about."""

    span: Span
    about: str


def hover(document: Document, offset: int) -> Hover | None:
    """None where there is nothing to say."""
    source = document.source
    if Cursor(source.text, offset).in_comment:
        return None
    word = document.word(offset)
    mistakes = [d for d in document.diagnostics if _touches(d, offset)]
    span = mistakes[0].span if mistakes else source.span(offset, offset)
    parts = [explanation(code) for code in dict.fromkeys(d.code for d in mistakes)]
    if word is None:
        other = named(source.text, offset)
        if other is not None and document.program.broken:
            start = Cursor(source.text, offset).start
            word, span = other, source.span(start, start + len(other.text))
        elif (node := _innermost(document, offset)) is not None:
            found = _of_node(document, node, offset)
            return Hover(node.span, "\n\n".join([*parts, found]))
    else:
        span = word.span
    if word is not None:
        parts += filter(None, [_of_word(document, word)])
    return Hover(span, "\n\n---\n\n".join(parts)) if parts else None


def _touches(found: Diagnostic, offset: int) -> bool:
    """Where nothing stands, as what is missing, a mistake has a width of one."""
    start, end = found.span.start, found.span.end
    return start <= offset <= max(end, start + 1)


def explanation(code: str) -> str:
    """What `starc explain` says of a code, in Markdown."""
    found = explain(code)
    if found is None:
        return ""
    parts = [f"**{found.title}** (`{code}`)", found.text]
    for title, example in (("Wrong", found.wrong), ("Right", found.right)):
        if example:
            parts.append(f"{title}:\n\n```star\n{example.rstrip()}\n```")
    return "\n\n".join(parts)


def _of_word(document: Document, word: Word) -> str:
    alphabet = document.alphabet
    match word.kind:
        case "liv":
            meaning = alphabet.livs.get(word.text)
            if meaning is None:
                return ""
            about = [describe.meaning(word.text, meaning)]
            if isinstance(word.node, ast.Use):
                about.append(_of_use(document, word.node))
            return "\n\n".join(filter(None, about))
        case "label":
            return _of_label(document, word)
        case "featurizer":
            return describe.featurizer(word.text, alphabet.featurizers.get(word.text))
        case "group" if word.text in describe.READS:
            return describe.READS[word.text]
        case "group":
            return _of_group(document, word)
        case "measure":
            return describe.measure(word.text)
        case "setting":
            row = option(word.path, word.text, alphabet)
            return (
                "" if row is None else describe.option(row, _in_force(document, word))
            )
        case "value":
            return _of_value(document, word)
        case "model":
            return _of_model(document)
        case _:
            assert_never(word.kind)


def _of_use(document: Document, use: ast.Use) -> str:
    """The numbers of one LIV: as it is in the model, or alone where that is wrong."""
    same = [c for c in use.clauses if isinstance(c, ast.SameAs)]
    built = None if same else document.built(use)
    settings = document.settings
    parts = []
    if built is not None and settings is not None and settings.stream is not None:
        parts.append(
            describe.built(built.operator, built.residual, settings.stream.context)
        )
    found = document.layers.get((use.span.start, use.span.end), [])
    shared = [text for layer, _ in found[-1:] for text in sharing(layer)]
    if shared and found:
        cost = found[-1][1].total
        parts.append(
            f"Here, with {'; '.join(shared)}: {cost.params:,} parameters, "
            f"{cost.cache_bytes:,} bytes of cache."
        )
    if len(found) > 1:
        parts.append(f"Stands here {len(found)} times, in {len(found)} iterations.")
    return "\n\n".join(parts)


def _of_label(document: Document, word: Word) -> str:
    use = navigation.labelled(document, word.text)
    if use is None:
        return ""
    users = [w for w in navigation.references(document, word) if not w.defines]
    place, _ = document.source.line_and_column(use.span.start)
    about = [f"**{word.text}**: {use.liv.text}, line {place}"]
    if users:
        about.append(f"{len(users)} of the LIVs behind it share with it.")
    about.append(_of_use(document, use))
    return "\n\n".join(filter(None, about))


def _of_group(document: Document, word: Word) -> str:
    if not isinstance(word.node, ast.Use):
        return f"Feature group **{word.text}**"
    built = document.built(word.node)
    groups = {g.name: g for g in built.operator.groups} if built else {}
    if word.text not in groups:
        return ""
    width = groups[word.text].width
    return f"Feature group **{word.text}** of {word.node.liv.text}: (B, T, {width})"


def _of_value(document: Document, word: Word) -> str:
    structure = structures(word.path).get(word.text)
    if structure is not None:
        digit = "" if structure.digit is None else f" (gene {structure.digit})"
        return f"**{word.text}**{digit}: {structure.meaning}"
    row = option(word.path[:-1], word.path[-1], document.alphabet)
    if row is None or word.text not in values(word.path, document.alphabet):
        return ""
    return describe.option(row, word.text)


def _in_force(document: Document, word: Word) -> str:
    """The value of a setting here, as the language writes it; "" if not known."""
    node = word.node
    if isinstance(node, ast.LivAlias):  # as if it stood in the backbone
        node = ast.Use(node.span, None, node.name, (), ())
    if word.path[0] == at.USE and isinstance(node, ast.Use):
        built = document.built(node)
        meaning = document.alphabet.livs.get(word.path[1])
        if built is None or meaning is None:
            return ""
        row = meaning.liv.template.by_name.get(word.text)
        field = word.text if row is None else row.field or row.name
        if row is not None and row.field:  # another number follows from it
            return ""
        if hasattr(built.operator, field):
            return number(said_none(getattr(built.operator, field)))
    settings = document.settings
    if word.path == (at.MODEL,) and settings is not None:
        found = settings.stated.get(word.text)
        return "" if found is None else number(found.value)
    return ""


def _of_model(document: Document) -> str:
    if document.model is None or document.costs is None:
        return ""
    total, model = document.costs.total, document.model
    bare = document.costs.params_without_embeddings
    layers = sum(1 for _ in model.layers())
    return "\n\n".join(
        [
            f"**{model.name}**: {layers} LIVs of width {model.width}",
            f"Parameters: {total.params:,}; {bare:,} without embeddings",
            f"Cache of {model.context:,} tokens: {total.cache_bytes:,} bytes "
            f"({8 * BYTES} bits a value)",
            f"FLOPs of a token: {total.prefill_flops:,.0f} of a prompt, "
            f"{total.decode_flops:,.0f} after it",
        ]
    )


# Keywords -----------------------------------------------------------------------------


def _innermost(document: Document, offset: int) -> ast.Node | None:
    """The smallest statement or clause around a place that is in no name."""
    found: ast.Node | None = None
    todo: list[ast.Node] = list(document.program.items)
    while todo:
        node = todo.pop()
        if not node.span.start <= offset <= node.span.end:
            continue
        if found is None or node.span.end - node.span.start <= (
            found.span.end - found.span.start
        ):
            found = node
        todo += _below(node)
    return found


def _below(node: ast.Node) -> Iterator[ast.Node]:
    match node:
        case ast.Backbone() | ast.Repeat() | ast.Parallel() | ast.Section():
            yield from node.body
        case ast.Use():
            yield from node.clauses
        case ast.Search():
            yield from (*node.objectives, *node.requirements)
        case ast.Genes():
            yield from node.values


def _of_node(document: Document, node: ast.Node, offset: int) -> str:
    """What its class says, and of some nodes more."""
    about = cleandoc(type(node).__doc__ or "")
    match node:
        case ast.Number():
            return _gene(document, node)
        case ast.Backbone() if document.costs is not None:
            return _of_model(document)
        case ast.Repeat(count=ast.Number(value=int(count))):
            inner = sum(1 for _ in _uses(node))
            return f"{about}\n\n{count} iterations of {inner} LIVs: {count * inner}"
    return about


def _uses(node: ast.Node) -> Iterator[ast.Use]:
    for below in _below(node):
        if isinstance(below, ast.Use):
            yield below
        else:
            yield from _uses(below)


def _gene(document: Document, value: ast.Number) -> str:
    """Genes 2 to 5 stand between the parentheses of `genes(...)`."""
    for use in document.uses:
        for clause in use.clauses:
            if isinstance(clause, ast.Genes):
                for index, one in enumerate(clause.values):
                    if one.span.start == value.span.start:
                        genes = backbone_tables.genes()
                        pairs = zip(genes.columns, genes.rows[index + 1], strict=True)
                        row = dict(pairs)
                        return (
                            f"**Gene {row['gene']}, {row['name']}** = {value.text}\n\n"
                            f"{row['meaning']}\n\nValues: {row['values']}"
                        )
    return ""
