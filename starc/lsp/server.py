"""`starc lsp`: the language server, over stdin and stdout.

It keeps the texts that an editor has open, and asks the functions of this package.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, TypeVar
from urllib.parse import unquote

from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path
from pygls.workspace import TextDocument

import starc
from starc import compiler, draw, resources
from starc.diagnostics import Problems, StarError
from starc.frontend.load import load
from starc.frontend.parse import LARGEST
from starc.lsp import (
    fixes,
    formatting,
    hints,
    hover,
    navigation,
    outline,
    protocol,
    tokens,
)
from starc.lsp.completion import completions
from starc.lsp.document import Document
from starc.printable import printable

WAIT = 0.01
"""Seconds without another edit after which a text is checked: what comes at once, as
of a paste in parts, is checked once."""

REQUEST_FAILED = types.LSPErrorCodes.RequestFailed.value

T = TypeVar("T")


class Failed(JsonRpcException):
    """A request that cannot be answered; the message says why."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code=REQUEST_FAILED)


class Server(LanguageServer):
    """The texts, as far as they have been looked at, and a folder for what is shown.

    The editor sends a text as a whole: a program is a few thousand characters, and
    nothing can be counted wrongly.
    """

    def __init__(self) -> None:
        super().__init__(
            "starc", starc.__version__, types.TextDocumentSyncKind.Full, max_workers=2
        )
        self.documents: dict[str, Document] = {}
        self.waiting: dict[str, asyncio.TimerHandle] = {}
        self.folder = TemporaryDirectory(prefix="starc-lsp-")
        self.ended: list[str] = []  # how: "shutdown", "exit"

    def document(self, uri: str) -> Document:
        """The text as it is now: the editor's, else the file's. Raises Failed."""
        text = self.text(uri)
        known = self.documents.get(uri)
        if known is None or known.text.given != text:
            path = to_fs_path(uri)
            known = self.documents[uri] = Document(path or uri, text)
        return known

    def opened(self, uri: str) -> TextDocument | None:
        texts = self.workspace.text_documents  # by addresses without escapes
        found: TextDocument | None = texts.get(unquote(uri))
        return found

    def text(self, uri: str) -> str:
        opened = self.opened(uri)
        if opened is not None:
            return str(opened.source)
        self.documents.pop(uri, None)
        path = to_fs_path(uri)
        try:
            with open(path or uri, "rb") as file:
                data = file.read(LARGEST + 1)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise Failed(f"{printable(uri)}: not open, and no file: {why}") from None
        problems = Problems()
        source = load(path or uri, data, problems)
        if source is None:
            raise Failed(f"{printable(uri)}: {problems.found[0].title}")
        return source.text

    def page(self, code: str) -> str:
        """The address of what explains an error code: a file of ours."""
        path = Path(self.folder.name) / f"{code}.md"
        if not path.exists():
            path.write_text(hover.explanation(code) + "\n", encoding="utf-8")
        return address(path)

    def publish(self, uri: str) -> None:
        """Tells the mistakes of a text that is open."""
        self.waiting.pop(uri, None)
        opened = self.opened(uri)
        if opened is None:
            return
        document = self.document(uri)
        self.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(
                uri,
                [
                    protocol.diagnostic(document, uri, one, self.page(one.code))
                    for one in document.diagnostics
                ],
                opened.version,
            )
        )

    def soon(self, uri: str) -> None:
        """Publishes once no edit has come for a moment."""
        self.forget(uri)
        loop = asyncio.get_running_loop()
        self.waiting[uri] = loop.call_later(WAIT, self.publish, uri)

    def forget(self, uri: str) -> None:
        if uri in self.waiting:
            self.waiting.pop(uri).cancel()

    def show(self, name: str, text: str, outside: bool) -> str:
        """Writes a file and asks the editor to show it; gives its address.

        outside: in another program, such as a browser.
        """
        path = Path(self.folder.name) / name
        path.write_text(text, encoding="utf-8")
        where = address(path)
        window = self.client_capabilities.window
        if window is not None and window.show_document is not None:
            self.window_show_document(types.ShowDocumentParams(where, outside, True))
        return where


def address(path: Path) -> str:
    return path.as_uri()


def make() -> Server:
    """A server with all that it answers."""
    server = Server()
    _texts(server)
    _questions(server)
    _changes(server)
    _decorations(server)
    _commands(server)
    return server


def run(reads: BinaryIO, writes: BinaryIO) -> bool:
    """Until the editor ends it, or goes away. False: it ended without a shutdown.

    `writes` is closed.
    """
    server = make()
    try:
        server.start_io(reads, writes)
    finally:
        server.folder.cleanup()
    return "exit" not in server.ended or "shutdown" in server.ended


def _place(document: Document, position: types.Position) -> int:
    return document.text.offset(position.line, position.character)


# Texts --------------------------------------------------------------------------------


def _texts(server: Server) -> None:
    @server.feature(types.INITIALIZED)
    def _(*_: object) -> None:
        compiler.check(
            "="
        )  # what is made at the first mistake takes as long as an edit

    @server.feature(types.SHUTDOWN)
    def _(*_: object) -> None:
        server.ended.append("shutdown")

    @server.feature(types.EXIT)
    def _(*_: object) -> None:
        server.ended.append("exit")

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def _(params: types.DidOpenTextDocumentParams) -> None:
        server.publish(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def _(params: types.DidChangeTextDocumentParams) -> None:
        server.soon(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def _(params: types.DidCloseTextDocumentParams) -> None:
        uri = params.text_document.uri
        server.forget(uri)
        server.documents.pop(uri, None)
        empty = types.PublishDiagnosticsParams(uri, [])
        server.text_document_publish_diagnostics(empty)


# Questions ----------------------------------------------------------------------------


def _questions(server: Server) -> None:
    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def _(params: types.HoverParams) -> types.Hover | None:
        document = server.document(params.text_document.uri)
        found = hover.hover(document, _place(document, params.position))
        if found is None:
            return None
        about = protocol.markdown(found.about)
        return types.Hover(about, protocol.of_span(document, found.span))

    options = types.CompletionOptions(trigger_characters=["(", ",", "=", " "])

    @server.feature(types.TEXT_DOCUMENT_COMPLETION, options)
    def _(params: types.CompletionParams) -> types.CompletionList:
        document = server.document(params.text_document.uri)
        found = completions(document, _place(document, params.position))
        items = [protocol.item(document, one, n) for n, one in enumerate(found)]
        return types.CompletionList(False, items)

    @server.feature(types.TEXT_DOCUMENT_DEFINITION)
    def _(params: types.DefinitionParams) -> types.Location | None:
        uri = params.text_document.uri
        document = server.document(uri)
        found = navigation.definition(document, _place(document, params.position))
        if found is None:
            return None
        if found.source is document.source:
            return types.Location(uri, protocol.of_span(document, found))
        prelude = Document(navigation.PRELUDE, found.source.text)
        path = Path(resources.path("grammar", navigation.PRELUDE))
        return types.Location(address(path), protocol.of_span(prelude, found))

    @server.feature(types.TEXT_DOCUMENT_REFERENCES)
    def _(params: types.ReferenceParams) -> list[types.Location]:
        uri = params.text_document.uri
        document = server.document(uri)
        word = document.word(_place(document, params.position))
        found = [] if word is None else navigation.references(document, word)
        return [
            types.Location(uri, protocol.of_span(document, one.span))
            for one in found
            if params.context.include_declaration or not one.defines
        ]

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT)
    def _(params: types.DocumentHighlightParams) -> list[types.DocumentHighlight]:
        document = server.document(params.text_document.uri)
        word = document.word(_place(document, params.position))
        found = [] if word is None else navigation.references(document, word)
        return [
            types.DocumentHighlight(protocol.of_span(document, one.span))
            for one in found
        ]

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    def _(params: types.DocumentSymbolParams) -> list[types.DocumentSymbol]:
        document = server.document(params.text_document.uri)
        return [protocol.symbol(document, one) for one in outline.symbols(document)]

    @server.feature(types.TEXT_DOCUMENT_FOLDING_RANGE)
    def _(params: types.FoldingRangeParams) -> list[types.FoldingRange]:
        document = server.document(params.text_document.uri)
        return [
            types.FoldingRange(first, last, kind=kind)
            for first, last, kind in outline.folds(document)
        ]


# Changes ------------------------------------------------------------------------------


def _changes(server: Server) -> None:
    @server.feature(types.TEXT_DOCUMENT_FORMATTING)
    def _(params: types.DocumentFormattingParams) -> list[types.TextEdit]:
        document = server.document(params.text_document.uri)
        found = formatting.formatting(document)
        return [protocol.edit(document, one) for one in found]

    @server.feature(types.TEXT_DOCUMENT_RANGE_FORMATTING)
    def _(params: types.DocumentRangeFormattingParams) -> list[types.TextEdit]:
        document = server.document(params.text_document.uri)
        start, end = (
            _place(document, place) for place in (params.range.start, params.range.end)
        )
        found = formatting.formatting(document, start, end)
        return [protocol.edit(document, one) for one in found]

    @server.feature(types.TEXT_DOCUMENT_PREPARE_RENAME)
    def _(params: types.PrepareRenameParams) -> types.PrepareRenamePlaceholder:
        document = server.document(params.text_document.uri)
        place = _place(document, params.position)
        word = _told(lambda: navigation.renamable(document, place))
        where = protocol.of_span(document, word.span)
        return types.PrepareRenamePlaceholder(where, word.text)

    @server.feature(
        types.TEXT_DOCUMENT_RENAME, types.RenameOptions(prepare_provider=True)
    )
    def _(params: types.RenameParams) -> types.WorkspaceEdit:
        uri = params.text_document.uri
        document = server.document(uri)
        place = _place(document, params.position)
        found = _told(lambda: navigation.rename(document, place, params.new_name))
        return types.WorkspaceEdit({uri: [protocol.edit(document, c) for c in found]})

    kinds = types.CodeActionOptions([types.CodeActionKind.QuickFix])

    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION, kinds)
    def _(params: types.CodeActionParams) -> list[types.CodeAction]:
        uri, only = params.text_document.uri, params.context.only
        document = server.document(uri)
        if only and types.CodeActionKind.QuickFix not in only:
            return []
        start, end = (
            _place(document, place) for place in (params.range.start, params.range.end)
        )
        return [
            types.CodeAction(
                one.title,
                types.CodeActionKind.QuickFix,
                [
                    protocol.diagnostic(
                        document, uri, one.mistake, server.page(one.mistake.code)
                    )
                ],
                is_preferred=True,
                edit=types.WorkspaceEdit(
                    {uri: [protocol.edit(document, c) for c in one.changes]}
                ),
            )
            for one in fixes.fixes(document, start, end)
        ]


def _told(ask: Callable[[], T]) -> T:
    """The answer; what cannot be renamed is an error that says why."""
    try:
        return ask()
    except navigation.CannotRename as error:
        raise Failed(str(error)) from None


# Decorations --------------------------------------------------------------------------


def _decorations(server: Server) -> None:
    @server.feature(types.TEXT_DOCUMENT_INLAY_HINT)
    def _(params: types.InlayHintParams) -> list[types.InlayHint]:
        document = server.document(params.text_document.uri)
        start, end = (
            _place(document, place) for place in (params.range.start, params.range.end)
        )
        return [
            protocol.hint(document, one)
            for one in hints.hints(document)
            if start <= one.offset <= end
        ]

    legend = types.SemanticTokensLegend(tokens.TYPES, tokens.MODIFIERS)

    @server.feature(types.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL, legend)
    def _(params: types.SemanticTokensParams) -> types.SemanticTokens:
        document = server.document(params.text_document.uri)
        found = protocol.semantic(document, tokens.tokens(document))
        return types.SemanticTokens(found)

    @server.feature(types.TEXT_DOCUMENT_CODE_LENS)
    def _(params: types.CodeLensParams) -> list[types.CodeLens]:
        uri = params.text_document.uri
        document = server.document(uri)
        return [
            types.CodeLens(
                protocol.extent(document, one.offset, one.offset),
                types.Command(one.title, f"starc.{one.command}", arguments=[uri]),
            )
            for one in hints.lenses(document)
        ]


# Commands -----------------------------------------------------------------------------


def _commands(server: Server) -> None:
    @server.command("starc.compile")
    def _(uri: str) -> str:
        """Compiles a text and shows the model; gives the address of the file."""
        document, name = _named(server, uri)
        text = _right(lambda: compiler.compile(document.source))
        return server.show(f"{name}.py", text, outside=False)

    @server.command("starc.draw")
    def _(uri: str) -> str:
        """Draws a text and shows the picture; gives the address of the file."""
        document, name = _named(server, uri)
        model = document.model
        if model is None:
            _right(lambda: compiler.to_ir(document.source))
            raise Failed("There is nothing to draw")
        text = draw.architecture(model, draw.heading(model), rolled=True)
        return server.show(f"{name}.svg", text + "\n", outside=True)


def _named(server: Server, uri: object) -> tuple[Document, str]:
    """The text, and a name for what is made of it."""
    if not isinstance(uri, str):
        raise JsonRpcInvalidParams("the address of a text is needed")
    document = server.document(uri)
    model = document.blocks.model
    name = model.name.text if model is not None and model.name is not None else "model"
    return document, printable(name).replace("/", "_")[:80]


def _right(make: Callable[[], T]) -> T:
    """What was made; mistakes of the text are one error."""
    try:
        return make()
    except StarError as error:
        first = error.diagnostics[0]
        raise Failed(f"{first.span.place}: {first.title}") from None
