"""`--emit`: what each stage of the compiler made of a text."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass

import starc
from starc import compiler
from starc.source import Source, Span


def emit(source: Source, stage: str, without: frozenset[str], kernels: str) -> str:
    """One of STAGES as text. Raises StarError; ValueError if a pass has to run."""
    if stage == "ast":
        return dump(starc.parse(source.text, source.name))
    if stage == "model":
        return compiler.compile(source, without=without, kernels=kernels)
    if stage == "plan":
        from starc.backend.outline import outline

        return outline(compiler.to_plan(source, without=without, kernels=kernels))
    from starc import passes
    from starc.ir.text import show

    return show(passes.run(compiler.to_ir(source), without))


def dump(value: object) -> str:
    """Nested dataclasses as an outline, a field a line; spans are left out."""
    return "\n".join(_lines(value)) + "\n"


def _lines(value: object, indent: str = "") -> Iterator[str]:
    if is_dataclass(value) and not isinstance(value, type):
        yield type(value).__name__
        items = [(f.name, getattr(value, f.name)) for f in fields(value)]
    elif isinstance(value, dict):
        yield "{}" if not value else "{...}"
        items = [(str(key), inner) for key, inner in value.items()]
    elif isinstance(value, tuple | list) and any(_nested(item) for item in value):
        yield f"[{len(value)}]"
        items = [("-", item) for item in value]
    else:
        yield repr(value)
        return
    for name, inner in items:
        if isinstance(inner, Span):
            continue
        first, *rest = _lines(inner, indent + "  ")
        yield f"{indent}  {name}{' ' if name == '-' else ' = '}{first}"
        yield from rest


def _nested(value: object) -> bool:
    return is_dataclass(value) or isinstance(value, tuple | list | dict)
