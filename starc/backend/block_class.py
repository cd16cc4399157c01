"""An emitted class of blocks, and that of what its layers keep, line by line."""

from collections.abc import Iterator
from textwrap import wrap

from starc.backend.code import LIMIT, signature
from starc.backend.states import Kept, state_class, state_name
from starc.values import dataclass


@dataclass(frozen=True)
class Body:
    """What a scope becomes; equal bodies are one class.

    parameters: (name, type) between x and the state. returned: variables after x.
    """

    doc: str  # what its lines do not say: who shares what
    construct: tuple[str, ...]
    parameters: tuple[tuple[str, str], ...]
    forward: tuple[str, ...]
    returned: tuple[str, ...]
    state: tuple[Kept, ...]
    state_modules: tuple[str, ...]


@dataclass(frozen=True)
class BlockClass:
    """An emitted class of blocks."""

    name: str
    body: Body

    @property
    def stateful(self) -> bool:
        return bool(self.body.state)

    def lines(self) -> Iterator[str]:
        body = self.body
        yield f"class {self.name}(nn.Module):"
        if body.doc:
            yield from (f"    {line}" for line in quoted(body.doc))
            yield ""
        config = ["config: Config"] if body.construct else []
        yield from signature("__init__", ["self", *config])
        yield "        super().__init__()"
        yield from body.construct
        yield ""
        parameters = ["self", "x: Tensor"]
        parameters += [f"{name}: {kind}" for name, kind in body.parameters]
        if self.stateful:
            parameters.append(f"state: {state_name(self.name)} | None = None")
        result = "tuple[Tensor, ...]" if body.returned else "Tensor"
        yield from signature("forward", parameters, result)
        yield from body.forward


def state_lines(owner: str, body: Body, holder: str) -> Iterator[str]:
    """The class of what a body keeps; `owner`: whose it is, "" for the model's."""
    holders = tuple(f"{module}: Any" for module in (holder, *body.state_modules))
    return state_class(state_name(owner), body.state, holders)


def quoted(text: str) -> list[str]:
    """A docstring: one line, or a first line and the rest behind it."""
    if len(text) <= LIMIT - 10:
        return [f'"""{text}"""']
    first, *rest = wrap(text, LIMIT - 7, break_on_hyphens=False)
    return [f'"""{first}', *rest, '"""']
