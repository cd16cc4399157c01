"""Answers in the words of the protocol: places as lines and code units."""

from collections.abc import Iterable, Iterator

from lsprotocol import types

from starc.diagnostics import Diagnostic
from starc.lsp import tokens
from starc.lsp.completion import Completion
from starc.lsp.document import Document
from starc.lsp.hints import Hint
from starc.lsp.navigation import Change
from starc.lsp.outline import Symbol
from starc.source import Span

SYMBOLS = {
    "model": types.SymbolKind.Module,
    "featurizer": types.SymbolKind.Struct,
    "liv": types.SymbolKind.Class,
    "backbone": types.SymbolKind.Array,
    "search": types.SymbolKind.Object,
    "repeat": types.SymbolKind.Operator,
    "parallel": types.SymbolKind.Operator,
    "block": types.SymbolKind.Package,
    "use": types.SymbolKind.Field,
}
ITEMS = {
    "keyword": types.CompletionItemKind.Keyword,
    "liv": types.CompletionItemKind.Class,
    "featurizer": types.CompletionItemKind.Struct,
    "label": types.CompletionItemKind.Variable,
    "group": types.CompletionItemKind.Field,
    "setting": types.CompletionItemKind.Property,
    "value": types.CompletionItemKind.EnumMember,
    "measure": types.CompletionItemKind.Function,
}


def position(document: Document, offset: int) -> types.Position:
    return types.Position(*document.text.position(offset))


def extent(document: Document, start: int, end: int) -> types.Range:
    return types.Range(position(document, start), position(document, end))


def of_span(document: Document, span: Span) -> types.Range:
    return extent(document, span.start, span.end)


def edit(document: Document, change: Change) -> types.TextEdit:
    """With the line ends that the file has."""
    text = change.text.replace("\n", document.text.line_end)
    return types.TextEdit(extent(document, change.start, change.end), text)


def markdown(text: str) -> types.MarkupContent:
    return types.MarkupContent(types.MarkupKind.Markdown, text)


def diagnostic(
    document: Document, uri: str, found: Diagnostic, page: str
) -> types.Diagnostic:
    """page: address of what explains its code. A second place in another text, such as
    the prelude, is left out: it is no place of this file."""
    said = [found.title + (f": {found.label}" if found.label else ""), found.text]
    if found.hint:
        said.append(f"Hint: {found.hint}")
    return types.Diagnostic(
        range=of_span(document, found.span),
        message="\n".join(filter(None, said)),
        severity=types.DiagnosticSeverity.Error,
        code=found.code,
        code_description=types.CodeDescription(page),
        source="starc",
        related_information=[
            types.DiagnosticRelatedInformation(
                types.Location(uri, of_span(document, note.span)), note.label
            )
            for note in found.notes
            if note.span.source.name == document.source.name
        ],
    )


def item(document: Document, found: Completion, order: int) -> types.CompletionItem:
    change = Change(found.start, found.end, found.text)
    return types.CompletionItem(
        label=found.label,
        kind=ITEMS[found.kind],
        detail=found.detail or None,
        documentation=markdown(found.about) if found.about else None,
        sort_text=f"{order:05}",
        text_edit=edit(document, change),
    )


def symbol(document: Document, found: Symbol) -> types.DocumentSymbol:
    return types.DocumentSymbol(
        name=found.name,
        kind=SYMBOLS[found.kind],
        range=of_span(document, found.whole),
        selection_range=of_span(document, found.named),
        detail=found.detail or None,
        children=[symbol(document, one) for one in found.below],
    )


def hint(document: Document, found: Hint) -> types.InlayHint:
    return types.InlayHint(
        position(document, found.offset), found.text, tooltip=found.about
    )


def semantic(document: Document, found: Iterable[tokens.Token]) -> list[int]:
    """Five numbers a token: line and character after the last, length, kind, bits."""
    return list(_numbers(document, found))


def _numbers(document: Document, found: Iterable[tokens.Token]) -> Iterator[int]:
    line = character = 0
    for token in found:
        if not token.kind:
            continue
        at, first = document.text.position(token.start)
        _, last = document.text.position(token.end)
        yield from (at - line, first - character if at == line else first)
        yield from (last - first, tokens.TYPES.index(token.kind), int(token.defines))
        line, character = at, first
