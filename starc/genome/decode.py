"""integers -> syntax tree: sharing in words, labels only where one is needed."""

import re
from collections.abc import Sequence

from starc.frontend import ast
from starc.genome.classes import Classes, published
from starc.genome.legality import require_legal
from starc.genome.meaning import LivMeaning, meaning, spell
from starc.genome.roll import roll
from starc.genome.strategies import borrowed_groups
from starc.genome.text import Genes, Genome, write
from starc.source import NOWHERE, Span

_COMMENT_WIDTH = 80
_ON_TOP = Span(-2, -2, NOWHERE.source)  # before all that stands NOWHERE, in unparse


def decode(
    genome: Genome,
    exact: bool = False,
    width: int = 768,
    vocab: int = 50_304,
    context: int = 4096,
    name: str = "decoded",
    classes: Classes | None = None,
    arguments: Sequence[tuple[ast.Setting, ...]] = (),
) -> ast.Program:
    """The program that a genome describes. Raises StarError if the genome is illegal.

    Silent genes are left out, and plain tandem repeats rolled. `exact` keeps them: each
    LIV whose genes `encode` would not find by itself gets a `genes(...)`, and nothing
    is rolled. `width`, `vocab`, `context`, `name` of the model: no gene says them, nor
    `arguments`, of each LIV, if any.
    """
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError(f"the name of a model is an identifier, not {name!r}")
    classes = classes or published()
    require_legal(genome, classes)
    livs = meaning(genome)
    owners = {owner for liv in livs for owner in (liv.weights_from, liv.features_from)}
    labels = {
        owner: f"{classes[livs[owner].code].template.stem}_{owner}"
        for owner in owners
        if owner >= 0
    }
    plain = spell(livs) if exact else genome
    uses = [
        _use(
            position,
            liv,
            labels,
            classes,
            genes if genes != found else None,
            arguments[position] if arguments else (),
        )
        for position, (liv, genes, found) in enumerate(
            zip(livs, genome, plain, strict=True)
        )
    ]
    steps = tuple(uses) if exact else _rolled(uses)
    settings = (("width", width), ("vocab", vocab), ("context", context))
    model = ast.Model(
        NOWHERE,
        _name(name),
        tuple(ast.Setting(NOWHERE, _name(k), _number(v)) for k, v in settings),
    )
    items = (model, ast.Backbone(NOWHERE, steps))
    kept = any(genes != found for genes, found in zip(genome, plain, strict=True))
    return ast.Program(NOWHERE, items, _comments(genome, kept))


def _use(
    position: int,
    liv: LivMeaning,
    labels: dict[int, str],
    classes: Classes,
    genes: Genes | None,
    arguments: tuple[ast.Setting, ...],
) -> ast.Use:
    clauses: list[ast.Clause] = []
    of = classes[liv.code]
    if liv.weights_from >= 0:
        clauses.append(ast.WeightsFrom(NOWHERE, _name(labels[liv.weights_from])))
    if liv.features_from >= 0:
        groups = tuple(map(_name, borrowed_groups(of.groups, liv.borrows)))
        source = _name(labels[liv.features_from])
        clauses.append(ast.FeaturesFrom(NOWHERE, groups, source))
    if genes is not None:
        clauses.append(ast.Genes(NOWHERE, tuple(map(_number, genes[1:]))))
    label = _name(labels[position]) if position in labels else None
    return ast.Use(NOWHERE, label, _name(of.name), arguments, tuple(clauses))


def _rolled(uses: Sequence[ast.Use]) -> tuple[ast.Step, ...]:
    """Repeats where they make the text shorter; a LIV that shares stays out of them."""
    items = [
        (use.liv.text, use.arguments) if use.label is None and not use.clauses else None
        for use in uses
    ]
    steps: list[ast.Step] = []
    for run in roll(items):
        body = tuple(uses[run.start : run.start + run.period])
        if run.times == 1:
            steps.extend(body)
        else:
            steps.append(ast.Repeat(NOWHERE, _number(run.times), body))
    return tuple(steps)


def _comments(genome: Genome, genes: bool) -> tuple[ast.Comment, ...]:
    """The genome, wrapped between LIVs, and what `genes(...)` is where there is one."""
    lines = ["# Genome"]
    for liv in write(genome).split("-"):
        if len(lines) == 1 or len(lines[-1]) + len(liv) + 2 > _COMMENT_WIDTH:
            lines.append(f"#   {liv}")
        else:
            lines[-1] += f"-{liv}"
    if len(lines) == 2:
        lines = [f"# Genome {write(genome)}"]
    if genes:
        lines.append("# genes(...) keeps genes 2 to 5 where the words leave them open.")
    return tuple(ast.Comment(_ON_TOP, line, True) for line in lines)


def _name(text: str) -> ast.Name:
    return ast.Name(NOWHERE, text)


def _number(value: int) -> ast.Number:
    return ast.Number(NOWHERE, value, f"{value:_}" if value >= 10_000 else str(value))
