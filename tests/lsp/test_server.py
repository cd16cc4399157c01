"""The server as editors meet it: a process, and every feature asked over stdio."""

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from starc.compiler import check, compile
from starc.lsp.document import Document
from starc.lsp.navigation import Change, apply

from .editor import ROOT, Editor
from .edits import edited
from .test_answers import PROGRAM

URI = "file:///a%20folder/a.star"
HERE = types.TextDocumentIdentifier(URI)
ALL = types.Range(types.Position(0, 0), types.Position(10_000, 0))


@pytest.fixture(scope="module")
def editor() -> Iterator[Editor]:
    found = Editor()
    yield found
    assert found.end() == 0


@pytest.fixture(autouse=True)
def opened(editor: Editor) -> Iterator[None]:
    assert editor.open(URI, PROGRAM) == ()
    yield
    editor.close(URI)


def place(text: str, within: str = PROGRAM, more: int = 0) -> types.Position:
    before = within[: within.index(text) + more]
    last = before.split("\n")[-1]
    return types.Position(before.count("\n"), len(last.encode("utf-16-le")) // 2)


def applied(text: str, edits: Any) -> str:
    document = Document("a", text)
    offset = document.text.offset
    return apply(
        document.source.text,
        [
            Change(
                offset(one.range.start.line, one.range.start.character),
                offset(one.range.end.line, one.range.end.character),
                one.new_text,
            )
            for one in edits
        ],
    )


def test_what_it_can_do_is_said(editor: Editor) -> None:
    said = editor.capabilities
    assert said.position_encoding == types.PositionEncodingKind.Utf16
    for feature in (
        *("hover", "completion", "definition", "references", "document_symbol"),
        *("document_formatting", "document_range_formatting", "rename", "code_action"),
        *("folding_range", "inlay_hint", "semantic_tokens", "code_lens"),
        *("execute_command", "document_highlight"),
    ):
        assert getattr(said, f"{feature}_provider"), feature


def test_mistakes_are_those_of_check(editor: Editor) -> None:
    wrong = PROGRAM.replace("SwiGLU ", "SwiGUL ").replace("liv attn", "liv MHA", 1)
    found = editor.edit(URI, wrong)
    mistakes = check(wrong)
    assert [one.code for one in found] == [one.code for one in mistakes]
    one = next(one for one in found if "SwiGLU" in one.message)
    assert one.range.start == place("SwiGUL", wrong)
    assert "did you mean SwiGLU" in one.message
    assert one.code_description is not None
    page = Path(unquote(urlparse(one.code_description.href).path))
    assert "Unknown LIV" in page.read_text()
    assert editor.edit(URI, PROGRAM) == ()


def test_a_second_place_is_related_information(editor: Editor) -> None:
    wrong = PROGRAM.replace("    m: SwiGLU", "    a: SwiGLU")
    one = next(o for o in editor.edit(URI, wrong) if o.code == "duplicate-label")
    (other,) = one.related_information or ()
    assert other.location.uri == URI
    assert other.location.range.start == place("a: attn", wrong)


def test_hover_and_completion(editor: Editor) -> None:
    at = place("a: attn", more=4)
    found = editor.ask("textDocument/hover", types.HoverParams(HERE, at))
    assert "49,280" in found.contents.value and found.contents.kind == "markdown"
    at = place("from a", more=5)
    listed = editor.ask("textDocument/completion", types.CompletionParams(HERE, at))
    assert [one.label for one in listed.items] == ["a"]
    assert listed.items[0].text_edit.range == types.Range(at, at)


def test_names(editor: Editor) -> None:
    at, first = place("from a", more=5), place("a: attn")
    found = editor.ask("textDocument/definition", types.DefinitionParams(HERE, at))
    assert (found.uri, found.range.start) == (URI, first)
    for inside, count in ((True, 2), (False, 1)):
        context = types.ReferenceContext(inside)
        asked = types.ReferenceParams(context, HERE, at)
        assert len(editor.ask("textDocument/references", asked)) == count
    highlights = types.DocumentHighlightParams(HERE, at)
    assert len(editor.ask("textDocument/documentHighlight", highlights)) == 2
    at = place("SwiGLU")
    found = editor.ask("textDocument/definition", types.DefinitionParams(HERE, at))
    path = Path(unquote(urlparse(found.uri).path))
    line = path.read_text().split("\n")[found.range.start.line]
    assert line.startswith("liv SwiGLU")


def test_another_name(editor: Editor) -> None:
    at = place("attn = GQA")
    asked = types.PrepareRenameParams(HERE, at)
    assert editor.ask("textDocument/prepareRename", asked).placeholder == "attn"
    found = editor.ask("textDocument/rename", types.RenameParams(HERE, at, "other"))
    after = applied(PROGRAM, found.changes[URI])
    assert after == PROGRAM.replace("attn", "other") and not check(after)
    with pytest.raises(JsonRpcException, match="this name is taken"):
        editor.ask("textDocument/rename", types.RenameParams(HERE, at, "MHA"))
    with pytest.raises(JsonRpcException, match="not defined in this file"):
        at = place("SwiGLU")
        editor.ask("textDocument/prepareRename", types.PrepareRenameParams(HERE, at))


def test_a_quick_fix(editor: Editor) -> None:
    wrong = PROGRAM.replace("SwiGLU ", "SwiGUL ")
    mistakes = editor.edit(URI, wrong)
    context = types.CodeActionContext([*mistakes])
    asked = types.CodeActionParams(HERE, mistakes[0].range, context)
    (one,) = editor.ask("textDocument/codeAction", asked)
    assert one.title == "Change to SwiGLU" and one.kind == "quickfix"
    assert applied(wrong, one.edit.changes[URI]) == PROGRAM
    only = types.CodeActionContext([], [types.CodeActionKind.Refactor])
    asked = types.CodeActionParams(HERE, mistakes[0].range, only)
    assert not editor.ask("textDocument/codeAction", asked)


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_formatting_keeps_the_line_ends(editor: Editor, line_end: str) -> None:
    text = PROGRAM.replace("width = 128", "width=128").replace("\n", line_end)
    assert editor.edit(URI, text) == ()
    options = types.FormattingOptions(2, True)
    asked = types.DocumentFormattingParams(HERE, options)
    edits = editor.ask("textDocument/formatting", asked)
    assert all(line_end in one.new_text or not one.new_text for one in edits)
    assert applied(text, edits).replace("\r\n", "\n") == PROGRAM
    nowhere = types.Range(types.Position(1, 0), types.Position(1, 1))
    part = types.DocumentRangeFormattingParams(HERE, nowhere, options)
    assert not editor.ask("textDocument/rangeFormatting", part)
    part = types.DocumentRangeFormattingParams(HERE, ALL, options)
    assert editor.ask("textDocument/rangeFormatting", part) == edits


def test_contents(editor: Editor) -> None:
    asked: Any = types.DocumentSymbolParams(HERE)
    found = editor.ask("textDocument/documentSymbol", asked)
    assert [one.name for one in found][-2:] == ["backbone", "search"]
    assert found[4].children[0].name == "2 x"
    asked = types.FoldingRangeParams(HERE)
    assert any(
        f.kind == "comment" for f in editor.ask("textDocument/foldingRange", asked)
    )


def test_decorations(editor: Editor) -> None:
    hints = editor.ask("textDocument/inlayHint", types.InlayHintParams(HERE, ALL))
    assert [one.label for one in hints][0] == " 8 LIVs" and len(hints) == 2
    nowhere = types.Range(types.Position(0, 0), types.Position(1, 0))
    assert not editor.ask(
        "textDocument/inlayHint", types.InlayHintParams(HERE, nowhere)
    )
    asked: Any = types.SemanticTokensParams(HERE)
    data = editor.ask("textDocument/semanticTokens/full", asked).data
    legend = editor.capabilities.semantic_tokens_provider
    assert isinstance(legend, types.SemanticTokensOptions)
    named, line, character = {}, 0, 0
    for down, right, length, kind, declared in zip(*[iter(data)] * 5, strict=True):
        line, character = line + down, right if down else character + right
        text = PROGRAM.split("\n")[line][character : character + length]
        named[text, bool(declared)] = legend.legend.token_types[kind]
    assert named["attn", True] == named["attn", False] == "class"
    assert named["a", True] == "variable" and named["mine", True] == "struct"
    assert named["backbone", False] == "keyword" and named["width", False] == "property"


def test_commands_above_the_model(editor: Editor) -> None:
    asked = types.CodeLensParams(HERE)
    compiling, drawing = editor.ask("textDocument/codeLens", asked)
    editor.shown.clear()
    shown = []
    for lens in (compiling, drawing):
        command = lens.command
        call = types.ExecuteCommandParams(command.command, command.arguments)
        where = editor.ask("workspace/executeCommand", call)
        shown.append(Path(unquote(urlparse(where).path)).read_text())
    assert [one.external for one in editor.shown] == [False, True]
    expected = compile(PROGRAM, "/a folder/a.star")
    assert shown[0] == expected and shown[1].startswith("<svg")


def test_a_model_with_mistakes_is_not_compiled(editor: Editor) -> None:
    editor.edit(URI, PROGRAM.replace("SwiGLU ", "SwiGUL "))
    for command in ("starc.compile", "starc.draw"):
        with pytest.raises(JsonRpcException, match="a.star:24:5: Unknown LIV"):
            call = types.ExecuteCommandParams(command, [URI])
            editor.ask("workspace/executeCommand", call)


# Bad input ----------------------------------------------------------------------------


def test_units_of_utf_16(editor: Editor) -> None:
    text = PROGRAM.replace("# Two", "# 😀é Two").replace("a: attn", "a: attn # 😀")
    text = text.replace("  Own(", "  # 😀😀\n  Own(").replace(
        "SwiGLU\n", "SwiGUL # é😀\n"
    )
    (one,) = editor.edit(URI, text)
    assert one.range.start == place("SwiGUL", text)
    at = place("genes_too", text, 12)
    assert editor.ask("textDocument/hover", types.HoverParams(HERE, at)) is not None


def test_places_outside_the_text(editor: Editor) -> None:
    for line, character in ((0, 10**6), (10**6, 0), (2, 2**31 - 1)):
        at = types.Position(line, character)
        editor.ask("textDocument/hover", types.HoverParams(HERE, at))
        editor.ask("textDocument/completion", types.CompletionParams(HERE, at))
        editor.ask("textDocument/definition", types.DefinitionParams(HERE, at))


@pytest.mark.parametrize("scheme", ["file:///nowhere/b.star", "untitled:b", ""])
def test_a_text_that_nobody_opened(editor: Editor, scheme: str) -> None:
    unknown = types.TextDocumentIdentifier(scheme)
    with pytest.raises(JsonRpcException, match="not open"):
        asked = types.HoverParams(unknown, types.Position(0, 0))
        editor.ask("textDocument/hover", asked)
    with pytest.raises(JsonRpcException):
        call = types.ExecuteCommandParams("starc.compile", [7])
        editor.ask("workspace/executeCommand", call)


def test_a_file_that_is_not_open_and_then_vanishes(
    editor: Editor, tmp_path: Path
) -> None:
    path = tmp_path / "b.star"
    path.write_bytes(PROGRAM.encode())
    asked = types.FoldingRangeParams(types.TextDocumentIdentifier(path.as_uri()))
    assert editor.ask("textDocument/foldingRange", asked)
    path.write_bytes(b"model \xff\xfe")
    with pytest.raises(JsonRpcException, match="UTF-8"):
        editor.ask("textDocument/foldingRange", asked)
    path.unlink()
    with pytest.raises(JsonRpcException, match="not open"):
        editor.ask("textDocument/foldingRange", asked)
    assert editor.open(path.as_uri(), PROGRAM) == ()  # the editor has it still
    assert editor.ask("textDocument/foldingRange", asked)
    editor.close(path.as_uri())


def test_a_text_that_is_too_large(editor: Editor) -> None:
    (one,) = editor.edit(URI, "# " + "a" * 2**24)
    assert one.code == "too-large"
    assert editor.edit(URI, PROGRAM) == ()


def test_a_message_that_is_none_ends_nothing() -> None:
    params: Any = {"processId": None, "rootUri": None, "capabilities": {}}
    begin = {"jsonrpc": "2.0", "id": 9, "method": "initialize", "params": params}
    messages = [
        b'{"jsonrpc": "2.0", "id": 1, "method": "textDocument/hover\xc3"}',
        b'{"jsonrpc": "2.0", "id": 2',
        b"[1, 2]",
        b'{"jsonrpc": "2.0", "id": 3, "method": "textDocument/hover", "params": 9}',
        json.dumps(begin).encode(),
        b'{"jsonrpc": "2.0", "method": "exit"}',
    ]
    sent = b"".join(b"Content-Length: %d\r\n\r\n%b" % (len(m), m) for m in messages)
    run = subprocess.run(
        [sys.executable, "-m", "starc", "lsp"],
        input=sent,
        capture_output=True,
        cwd=ROOT,
    )
    assert b'"id":9' in run.stdout.replace(b" ", b""), run.stderr.decode()


@pytest.mark.parametrize(
    "count", [15, pytest.param(1000, marks=pytest.mark.slow)], ids=str
)
def test_edits_at_random(editor: Editor, count: int) -> None:
    """Each text is answered, whatever it is; some come faster than answers."""
    rng = random.Random(count)
    text = PROGRAM
    for number in range(count):
        text = edited(text, rng)
        if rng.random() < 0.5 and number < count - 1:
            editor.send(URI, text)
            continue
        found = editor.edit(URI, text)
        expected = Document("a", text).diagnostics
        assert [one.code for one in found] == [one.code for one in expected]
        at = types.Position(rng.randrange(40), rng.randrange(40))
        editor.ask("textDocument/completion", types.CompletionParams(HERE, at))
        editor.ask("textDocument/inlayHint", types.InlayHintParams(HERE, ALL))
    assert editor.edit(URI, PROGRAM) == ()
