"""Of the gene reference: the five genes, and the two lists of strategies."""

from collections.abc import Iterator

from starc.genome import marks
from starc.genome.classes import published
from starc.genome.marks import Mark
from starc.genome.strategies import (
    ALL_WEIGHTS,
    FEATURE_STRATEGIES,
    NONE,
    WEIGHT_STRATEGIES,
    last_feature_strategy,
)
from starc.genome.table import Cell, Table
from starc.genome.text import GENE_NAMES


def genes() -> Table:
    codes = [*published()]
    last = max(last_feature_strategy(liv.groups) for liv in published().values())
    values = (
        f"{codes[0]} to {codes[-1]}",
        "1 and up: a label",
        f"{NONE} or {ALL_WEIGHTS}",
        "1 and up: a label",
        f"{NONE} to {last}, by class",
    )
    rows = tuple(
        (gene, name, value, marks.GENES[gene].text, marks.GENES[gene].mark)
        for gene, (name, value) in enumerate(
            zip(GENE_NAMES, values, strict=True), start=1
        )
    )
    columns = ("gene", "name", "values", "meaning", "mark")
    return Table("genes", "Backbone genome", marks.BACKBONE, columns, rows)


def weight_strategies() -> Table:
    rows = tuple(
        (value, meaning, Mark.PUBLISHED) for value, meaning in WEIGHT_STRATEGIES.items()
    )
    columns = ("value", "meaning", "mark")
    title = "Gene 3: featurizer-sharing strategies"
    return Table("weight_strategies", title, marks.WEIGHT_SHARING, columns, rows)


def feature_strategies() -> Table:
    columns = ("feature groups", "classes", "value", "borrows", "mark")
    title = "Gene 5: feature-group-sharing strategies"
    rows = tuple(_feature_strategies())
    return Table("feature_strategies", title, marks.FEATURE_SHARING, columns, rows)


def _feature_strategies() -> Iterator[tuple[Cell, ...]]:
    for groups, strategies in FEATURE_STRATEGIES.items():
        names = [liv.name for liv in published().values() if liv.groups == groups]
        if names:
            yield [*groups], names, NONE, "nothing", Mark.PUBLISHED
            for value, borrows in enumerate(strategies, start=NONE + 1):
                yield [*groups], names, value, [*borrows], Mark.ASSUMED
