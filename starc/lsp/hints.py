"""What stands between the lines: numbers behind the text, and commands above it."""

from collections.abc import Iterator
from typing import assert_never

from starc.frontend import ast
from starc.lower.count import iterations
from starc.lower.labels import uses
from starc.lsp.document import Document
from starc.numerals import counted, shortened
from starc.values import dataclass


@dataclass(frozen=True)
class Hint:
    """`text` is shown behind the place `offset`; `about` where one points at it."""

    offset: int
    text: str
    about: str


def hints(document: Document) -> list[Hint]:
    """What a repeat is written out, and what the backbone costs."""
    block = document.blocks.backbone
    return [] if block is None else [*_repeats(block.body), *_backbone(document, block)]


def _repeats(body: tuple[ast.Step, ...]) -> Iterator[Hint]:
    for step in body:
        match step:
            case ast.Repeat():
                livs = _livs(step.body)
                count = iterations(step.count)
                brace = step.span.source.text.find("{", step.count.span.end)
                about = f"{count} iterations of {counted(livs, 'LIV')}"
                yield Hint(brace + 1, f" {count * livs} LIVs", about)
                yield from _repeats(step.body)
            case ast.Parallel() | ast.Section():
                yield from _repeats(step.body)
            case ast.Use():
                pass
            case _:
                assert_never(step)


def _livs(body: tuple[ast.Step, ...]) -> int:
    """With repeats written out."""
    found = 0
    for step in body:
        match step:
            case ast.Use():
                found += 1
            case ast.Repeat():
                found += iterations(step.count) * _livs(step.body)
            case ast.Parallel() | ast.Section():
                found += _livs(step.body)
    return found


def _backbone(document: Document, block: ast.Backbone) -> Iterator[Hint]:
    if document.costs is None or document.model is None:
        return
    if next(uses(block.body), None) is None:
        return
    total, context = document.costs.total, document.model.context
    active = f", {shortened(total.active)} active" if total.idle else ""
    text = (
        f" {shortened(total.params)} parameters{active}, "
        f"{shortened(total.cache_bytes, 'B')} cache at {context:,} tokens"
    )
    about = (
        f"{total.params:,} parameters, embeddings too; {total.cache_bytes:,} bytes of "
        "cache for one sequence in bfloat16"
    )
    yield Hint(block.span.end, text, about)


@dataclass(frozen=True)
class Lens:
    """A command above a line. command: "compile" or "draw"."""

    offset: int
    title: str
    command: str


def lenses(document: Document) -> list[Lens]:
    """Above the model, if there is a backbone to compile."""
    model, backbone = document.blocks.model, document.blocks.backbone
    if model is None or backbone is None:
        return []
    start = model.span.start
    return [Lens(start, "compile", "compile"), Lens(start, "draw", "draw")]
