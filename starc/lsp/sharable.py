"""With which LIVs one may share at a place: the compiler's own rules, tried."""

from collections.abc import Iterator
from dataclasses import replace
from typing import assert_never

from starc.diagnostics import Problems
from starc.frontend import ast
from starc.ir.residual import INPUT, PLUS
from starc.lower.references import Shared
from starc.lower.sharing import Sharing
from starc.lsp.document import Document


def labels(document: Document, use: ast.Use, before: int) -> list[str]:
    """The labels before the place `before` that may stand where `use` names one.

    use: the statement at hand, its last clause with any name for the label.
    """
    if not use.clauses or isinstance(use.clauses[-1], ast.Genes):
        return []
    if _reads(use.clauses[-1]):
        return answers(document, before) if may_read(use) else []
    known = {u.label.text: u.label for u in document.uses if u.label is not None}
    earlier = dict(_earlier(document, before))
    own = _shared(document, use)
    return [
        label for label in earlier if _legal(document, use, own, label, known, earlier)
    ]


def may_read(use: ast.Use) -> bool:
    """Whether the last clause of a use may be one that reads an answer.

    It is one word, `input` or `plus`, and the only such clause.
    """
    *before, last = use.clauses
    alone = isinstance(last, ast.FeaturesFrom) and len(last.groups) == 1
    return alone and not any(map(_reads, before))


def _reads(clause: ast.Clause) -> bool:
    return isinstance(clause, ast.FeaturesFrom) and any(
        group.text in (INPUT, PLUS) for group in clause.groups
    )


def answers(document: Document, before: int) -> list[str]:
    """The labels before a place whose answers can be read there: of the same body."""
    block = document.blocks.backbone
    return [] if block is None else _answers(document, block.body, before)


def _answers(document: Document, body: tuple[ast.Step, ...], before: int) -> list[str]:
    found = []
    for step in body:
        match step:
            case ast.Repeat() | ast.Section() if (
                step.span.start < before <= step.span.end
            ):
                return _answers(document, step.body, before)
            case ast.Parallel() if step.span.start < before <= step.span.end:
                return []  # a branch reads what all of them read
            case ast.Use() if step.label is not None and step.span.start < before:
                built = document.built(step)
                if built is not None and built.residual.aside:
                    found.append(step.label.text)
            case _:
                pass
    return found


def _earlier(document: Document, before: int) -> Iterator[tuple[str, Shared]]:
    """What stands behind each label so far; behind `same as` the LIV that it is."""
    found: dict[str, Shared] = {}
    for use in document.uses:
        if use.span.start >= before or use.label is None:
            continue
        same = [c.source.text for c in use.clauses if isinstance(c, ast.SameAs)]
        shared = found[same[0]] if same and same[0] in found else _shared(document, use)
        found.setdefault(use.label.text, shared)
    yield from found.items()


def _shared(document: Document, use: ast.Use) -> Shared:
    meaning = document.alphabet.livs.get(use.liv.text)
    liv = meaning.liv if meaning else None
    inside = use.span.source is document.source and _in_parallel(document, use)
    return Shared(use, liv, document.built(use), inside)


def _in_parallel(document: Document, use: ast.Use) -> bool:
    def inside(body: tuple[ast.Step, ...], parallel: bool) -> bool:
        for step in body:
            if step is use:
                return parallel
            match step:
                case ast.Parallel():
                    found = inside(step.body, True)
                case ast.Repeat() | ast.Section():
                    found = inside(step.body, parallel)
                case ast.Use():
                    found = False
                case _:
                    assert_never(step)
            if found:
                return True
        return False

    block = document.blocks.backbone
    return block is not None and inside(block.body, False)


def _legal(
    document: Document,
    use: ast.Use,
    own: Shared,
    label: str,
    known: dict[str, ast.Name],
    earlier: dict[str, Shared],
) -> bool:
    *_, clause = use.clauses
    assert not isinstance(clause, ast.Genes)
    clause = replace(clause, source=replace(clause.source, text=label))
    problems = Problems()
    sharing = Sharing(known, document.alphabet.broken, problems)
    sharing.before = earlier
    if isinstance(clause, ast.SameAs):
        meaning = document.alphabet.livs.get(use.liv.text)
        said = meaning is not None and bool(meaning.stated)
        sharing.same(clause, use.label, own if said else replace(own, built=None))
    else:
        sharing.clauses(replace(use, clauses=(clause,)), own)
    return not problems
