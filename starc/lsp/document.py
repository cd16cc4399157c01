"""One text and all that the compiler knows of it, each made when it is asked for."""

from functools import cached_property

from starc import compiler, passes
from starc.alphabet import Alphabet, extend, prelude
from starc.diagnostics import Diagnostic, Problems
from starc.frontend import ast
from starc.frontend.parse import LARGEST, parse
from starc.ir.cost import Costs, LayerCost, costs
from starc.ir.nodes import Layer, Model, Written
from starc.lower.blocks import Blocks, find_blocks
from starc.lower.built import Builder, Built
from starc.lower.labels import uses
from starc.lower.model import ModelSettings, read_model
from starc.lsp.names import Word, words
from starc.lsp.positions import Text
from starc.source import Source

BYTES = 2
"""Of a value of the cache in what hovers and hints say: bfloat16."""


class Document:
    """A version of a file. Nothing in it changes.

    name: of the file, as messages say it. given: its text as the editor has it.
    """

    def __init__(self, name: str, given: str) -> None:
        self.text = Text(given)
        self.source = Source(name, self.text.plain)

    @cached_property
    def _read(self) -> tuple[ast.Program, tuple[Diagnostic, ...], Written | None]:
        problems = Problems()
        program = parse(self.source, problems)
        large = len(self.source.text) > LARGEST  # which is all that is told of it
        written = None if large else compiler.build(program, problems)
        return program, tuple(problems), written

    @property
    def program(self) -> ast.Program:
        """What could be read; statements with mistakes of syntax are left out."""
        return self._read[0]

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Those of `starc check`, in their order."""
        return self._read[1]

    @property
    def written(self) -> Written | None:
        """The model before any pass; None where there is a mistake, or no backbone."""
        return self._read[2]

    @cached_property
    def alphabet(self) -> Alphabet:
        return extend(prelude(), self.program, Problems())

    @cached_property
    def blocks(self) -> Blocks:
        return find_blocks(self.program, self.alphabet.broken, Problems())

    @cached_property
    def settings(self) -> ModelSettings | None:
        return read_model(self.blocks.model, self.alphabet.broken, Problems())

    @cached_property
    def builder(self) -> Builder:
        """Of single LIVs, whatever else is wrong in the text."""
        return Builder(self.settings, Problems())

    def built(self, use: ast.Use) -> Built | None:
        """The operator of a use, without what it shares; None where it is wrong."""
        return self.builder.build(use, self.alphabet.livs.get(use.liv.text))

    @cached_property
    def uses(self) -> tuple[ast.Use, ...]:
        """Every LIV of the backbone, in the order of the text."""
        block = self.blocks.backbone
        return () if block is None else tuple(uses(block.body))

    @cached_property
    def words(self) -> tuple[Word, ...]:
        """Every name of the text and what it is, in order."""
        return words(self.program)

    def word(self, offset: int) -> Word | None:
        """The name at a place, its end included."""
        near = words(self.program, offset)
        found = [w for w in near if w.span.start <= offset <= w.span.end]
        return found[-1] if found else None

    @cached_property
    def model(self) -> Model | None:
        """The architecture after all passes, None where the text has a mistake."""
        return None if self.written is None else passes.run(self.written)

    @cached_property
    def costs(self) -> Costs | None:
        """Of decoding at the model's own context."""
        model = self.model
        return None if model is None else costs(model, model.context, BYTES)

    @cached_property
    def layers(self) -> dict[tuple[int, int], list[tuple[Layer, LayerCost]]]:
        """Place of a use -> what it became: a layer for each iteration."""
        found: dict[tuple[int, int], list[tuple[Layer, LayerCost]]] = {}
        if self.model is None or self.costs is None:
            return found
        for layer, cost in zip(self.model.layers(), self.costs.layers, strict=True):
            found.setdefault((layer.span.start, layer.span.end), []).append(
                (layer, cost)
            )
        return found
