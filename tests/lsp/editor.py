"""An editor for tests: pygls' own client, and the server as a process beside it."""

import asyncio
import sys
import threading
from collections.abc import Coroutine
from pathlib import Path
from queue import Queue
from typing import Any, TypeVar

from lsprotocol import types
from pygls.lsp.client import LanguageClient

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 120.0
"""Seconds until a server that does not answer is taken for hung."""

T = TypeVar("T")


class Editor:
    """Opens texts, sends edits, and gathers what the server says by itself."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.client = LanguageClient("tests", "1")
        self.published: Queue[types.PublishDiagnosticsParams] = Queue()
        self.shown: list[types.ShowDocumentParams] = []
        self.versions: dict[str, int] = {}

        def published(params: types.PublishDiagnosticsParams) -> None:
            self.published.put(params)

        def shown(params: types.ShowDocumentParams) -> types.ShowDocumentResult:
            self.shown.append(params)
            return types.ShowDocumentResult(True)

        self.client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(published)
        self.client.feature(types.WINDOW_SHOW_DOCUMENT)(shown)
        self.wait(self.client.start_io(sys.executable, "-m", "starc", "lsp", cwd=ROOT))
        window = types.WindowClientCapabilities(
            show_document=types.ShowDocumentClientCapabilities(True)
        )
        started = self.client.initialize_async(
            types.InitializeParams(types.ClientCapabilities(window=window))
        )
        self.capabilities = self.wait(started).capabilities
        self.client.initialized(types.InitializedParams())

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE)

    def ask(self, method: str, params: object) -> Any:
        """The answer to a request; raises JsonRpcException where it is an error."""

        async def answer() -> Any:
            return await self.client.protocol.send_request_async(method, params)

        return self.wait(answer())

    def open(self, uri: str, text: str) -> tuple[types.Diagnostic, ...]:
        """The mistakes of a text that is opened."""
        self.versions[uri] = 1
        item = types.TextDocumentItem(uri, "star", 1, text)
        self.tell("text_document_did_open", types.DidOpenTextDocumentParams(item))
        return self.mistakes(uri)

    def send(self, uri: str, text: str) -> None:
        """An edit, without waiting for what the server says of it."""
        self.versions[uri] += 1
        version = types.VersionedTextDocumentIdentifier(self.versions[uri], uri)
        change = types.TextDocumentContentChangeWholeDocument(text)
        params = types.DidChangeTextDocumentParams(version, [change])
        self.tell("text_document_did_change", params)

    def edit(self, uri: str, text: str) -> tuple[types.Diagnostic, ...]:
        self.send(uri, text)
        return self.mistakes(uri)

    def close(self, uri: str) -> None:
        identifier = types.TextDocumentIdentifier(uri)
        params = types.DidCloseTextDocumentParams(identifier)
        self.tell("text_document_did_close", params)
        assert not self.published.get(timeout=PATIENCE).diagnostics

    def mistakes(self, uri: str) -> tuple[types.Diagnostic, ...]:
        """What is published of the text as it is now."""
        while True:
            found = self.published.get(timeout=PATIENCE)
            if (found.uri, found.version) == (uri, self.versions[uri]):
                return tuple(found.diagnostics)

    def tell(self, name: str, params: object) -> None:
        self.loop.call_soon_threadsafe(getattr(self.client, name), params)

    def end(self) -> int | None:
        """The exit code of the server."""
        self.ask(types.SHUTDOWN, None)
        self.tell("exit", None)
        process = self.client._server
        assert process is not None
        code = self.wait(asyncio.wait_for(process.wait(), PATIENCE))
        stop: Any = self.client.stop
        self.wait(stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        return code
