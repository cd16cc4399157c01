"""Emitted classes of what decoding keeps: of parallels, of blocks, of the model."""

from collections.abc import Iterator

from starc.backend.code import Call, Expression, signature, statement

KEPT = "State | Packed"
"""What stands for a LIV: its state in a cache, or the sequences of this pass."""

Kept = tuple[str, str, Expression]
"""(name, type, expression that makes it) of one field."""


def state_name(owner: str) -> str:
    """What holds the states of a class; `owner` "": of the whole model."""
    return f"{owner}State" if owner else "States"


def state_class(
    name: str, fields: tuple[Kept, ...], holders: tuple[str, ...]
) -> Iterator[str]:
    """A NamedTuple; `holders`: parameters with modules that the expressions read, `new`
    makes what one LIV keeps."""
    yield f"class {name}(NamedTuple):"
    if name == state_name(""):
        yield '    """What all layers keep, under their names in model and blocks."""'
        yield ""
    yield from (f"    {field}: {kind}" for field, kind, _ in fields)
    yield ""
    yield "    @classmethod"
    yield from signature("new", ["cls", *holders, "new: Any"], name)
    made = tuple(expression for _, _, expression in fields)
    yield from statement("return ", Call("cls", made))
