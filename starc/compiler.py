"""The pipeline, one screen: text in, text out, no files."""

from collections.abc import Set as AbstractSet
from pathlib import PurePath
from typing import TYPE_CHECKING

from starc import passes
from starc.alphabet import extend, prelude
from starc.choices import KERNELS
from starc.diagnostics import Diagnostic, Problems
from starc.frontend import ast
from starc.frontend.parse import parse
from starc.genome.exact import check_genes
from starc.ir.nodes import Model, Written
from starc.lower import lower
from starc.lower.blocks import missing_backbone
from starc.source import Source

if TYPE_CHECKING:
    from starc.backend.plan import Plan

MOST_MISTAKES = 1000
"""Those after them in the text are left out: one name may be wrong a million times."""


def compile(
    text: str | Source,
    name: str = "<string>",
    without: AbstractSet[str] = frozenset(),
    kernels: str = "all",
) -> str:
    """The text of a .star file to the text of a standalone PyTorch file.

    `without`: passes to leave out. `kernels`: "none" leaves out the Triton code, and
    each kernel is its plain form in PyTorch. Raises StarError with every mistake in the
    text, ValueError where `without` names no pass, or one that has to run, and where
    `kernels` is another word.
    """
    from starc.backend.render import render  # check and show need no backend

    return render(to_plan(text, name, without, kernels))


def to_plan(
    text: str | Source,
    name: str = "<string>",
    without: AbstractSet[str] = frozenset(),
    kernels: str = "all",
) -> "Plan":
    """Every name, number and comment of the file that `compile` gives."""
    if kernels not in KERNELS:
        raise ValueError(f"kernels: one of {', '.join(KERNELS)}, not {kernels!r}")
    source = _source(text, name)
    return plan_of(passes.run(to_ir(source), without), source.name, without, kernels)


def plan_of(
    model: Model,
    name: str,
    without: AbstractSet[str] = frozenset(),
    kernels: str = "all",
    traced: bool = False,
) -> "Plan":
    """The same, of what the passes made of a model: all but those in `without`.

    traced: decoding becomes a graph, in which the number of tokens is a tensor.
    """
    from starc.backend.plan import make_plan

    run = tuple(step.name for step in passes.PIPELINE if step.name not in without)
    return make_plan(model, PurePath(name).name, run, kernels != "none", traced)


def check(text: str | Source, name: str = "<string>") -> tuple[Diagnostic, ...]:
    """Every mistake in the text of a .star file, in its order; none: it compiles."""
    problems = Problems()
    build(parse(_source(text, name), problems), problems)
    return tuple(problems)


def to_ir(text: str | Source, name: str = "<string>") -> Written:
    """The model as written, before any pass. Raises StarError with every mistake."""
    problems = Problems()
    program = parse(_source(text, name), problems)
    model = build(program, problems)
    if model is None and not problems:  # a search, and nothing else
        missing_backbone(program, problems)
    problems.check()
    assert model is not None  # else something had been told
    return model


def build(program: ast.Program, problems: Problems) -> Written | None:
    """Syntax tree -> IR; None where there is anything in `problems`.

    Of a statement that is no syntax nothing else is told: one mistake is one error.
    """
    before = len(problems.found)
    alphabet = extend(prelude(), program, problems)
    model = lower(program, alphabet, problems)
    if not problems:
        check_genes(program, problems, alphabet)
    problems.found[before:] = [
        found
        for found in problems.found[before:]
        if not any(b.start <= found.span.start < b.end for b in alphabet.broken_spans)
    ]
    problems.found.sort(key=lambda found: found.span.start)
    problems.found[MOST_MISTAKES:] = []
    return None if problems else model


def _source(text: str | Source, name: str) -> Source:
    return text if isinstance(text, Source) else Source(name, text)
