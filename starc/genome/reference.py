"""The gene reference that `starc genes` prints: every gene, value and meaning."""

import json

from starc.columns import WIDTH
from starc.genome import alphabet_tables, backbone_tables
from starc.genome.marks import MARKS
from starc.genome.table import Table

_TITLE = """\
The genes of STAR, as starc reads them

Backbone genomes of arXiv 2411.17800, down to every parameter."""


def tables() -> tuple[Table, ...]:
    """From the backbone down to the parameters of each operator."""
    return (
        backbone_tables.genes(),
        alphabet_tables.classes(),
        backbone_tables.weight_strategies(),
        backbone_tables.feature_strategies(),
        alphabet_tables.operator_genome(),
        alphabet_tables.featurizers(),
        alphabet_tables.featurizer_genome(),
        *alphabet_tables.parameters(),
    )


def as_markdown() -> str:
    """A page of the documentation."""
    sections = [table.as_markdown() for table in tables()]
    return "\n\n".join([f"# {_TITLE}", _legend(), *sections]) + "\n"


def as_text(columns: int = WIDTH) -> str:
    """For a terminal."""
    sections = [table.as_text(columns) for table in tables()]
    return "\n\n\n".join([f"{_TITLE}\n\n{_legend()}", *sections]) + "\n"


def _legend() -> str:
    return "\n".join(f"- {mark}: {meaning}" for mark, meaning in MARKS.items())


def as_json() -> str:
    """`{"marks": ..., "genes": {"title": ..., "about": ..., "rows": [...]}, ...}`."""
    found: dict[str, object] = {"marks": MARKS}
    found.update((table.key, table.as_json()) for table in tables())
    return json.dumps(found, indent=2) + "\n"
