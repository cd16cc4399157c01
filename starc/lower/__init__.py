"""Syntax tree -> IR: names, numbers and legality; every mistake that is not syntax."""

from starc.alphabet import Alphabet
from starc.diagnostics import Problems
from starc.frontend import ast
from starc.ir.nodes import Written
from starc.lower.backbone import lower_backbone
from starc.lower.blocks import find_blocks
from starc.lower.model import read_model
from starc.lower.read_search import read_search


def lower(
    program: ast.Program, alphabet: Alphabet, problems: Problems
) -> Written | None:
    """The model as written, loops and references included; None if anything is wrong.

    `alphabet`: the names that the program may use, its own included. What is wrong is
    added to `problems`; where these hold something already, it is told what else is.
    """
    blocks = find_blocks(program, alphabet.broken, problems)
    settings = read_model(blocks.model, alphabet.broken, problems)
    stream = None if settings is None else settings.stream
    if blocks.search is not None:
        read_search(blocks.search, alphabet, stream, problems)
    if blocks.backbone is None:
        return None
    body = lower_backbone(blocks.backbone, settings, alphabet, problems)
    if problems or settings is None:
        return None
    return settings.model(body, program.span)
