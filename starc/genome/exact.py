"""The `genes(...)` clauses, which keep the genes that the words leave open."""

from collections.abc import Iterator, Sequence

from starc.alphabet import Alphabet, LivClass, extend, prelude
from starc.diagnostics import Note, Problems
from starc.frontend import ast
from starc.genome.entries import entries_of
from starc.genome.meaning import LivMeaning, meaning, spell
from starc.genome.references import Entry
from starc.genome.strategies import WEIGHT_STRATEGIES, last_feature_strategy
from starc.genome.text import GENE_NAMES, LARGEST_GENE, Genes, Genome
from starc.lower.labels import uses
from starc.numerals import counted


def check_genes(
    program: ast.Program, problems: Problems, alphabet: Alphabet | None = None
) -> None:
    """Adds a problem for each `genes(...)` that cannot be what the text means.

    In a program that says what integers cannot, only their form is checked: there is no
    genome they could contradict.
    """
    clauses = [clause for use in _uses(program) for clause in _clauses(use)]
    if not clauses:
        return
    beyond = Problems()
    alphabet = alphabet or extend(prelude(), program, beyond)
    entries = entries_of(program, alphabet, beyond)
    if not beyond and all(entry.liv for entry in entries):
        with_genes(entries, problems)
        return
    for clause in clauses:
        _values(clause, None, problems)


def with_genes(entries: Sequence[Entry], problems: Problems) -> Genome:
    """The genome of the words and of the clauses, which have to agree."""
    given: dict[int, Genes] = {}
    places: dict[int, ast.Genes] = {}
    for position, entry in enumerate(entries):
        for clause in _clauses(entry.use):
            values = _values(clause, entry.liv, problems)
            if values is not None:
                given[position] = (entry.meaning.code, *values)
                places[position] = clause
    genome = spell([entry.meaning for entry in entries], given)
    if given and not problems:
        _compare(entries, genome, places, problems)
    return genome


def _clauses(use: ast.Use) -> Iterator[ast.Genes]:
    return (clause for clause in use.clauses if isinstance(clause, ast.Genes))


def _uses(program: ast.Program) -> Iterator[ast.Use]:
    for item in program.items:
        if isinstance(item, ast.Backbone):
            yield from uses(item.body)


def _values(
    clause: ast.Genes, liv: LivClass | None, problems: Problems
) -> tuple[int, int, int, int] | None:
    """Genes 2 to 5 as written, or None after a problem."""
    last = LARGEST_GENE if liv is None else last_feature_strategy(liv.groups)
    highest = (LARGEST_GENE, max(WEIGHT_STRATEGIES), LARGEST_GENE, last)
    values = [number.value for number in clause.values]
    label = counted(len(values), "value") if len(values) != 4 else ""
    for value, most, name in zip(values, highest, GENE_NAMES[1:], strict=False):
        if not label and not (isinstance(value, int) and 1 <= value <= most):
            label = f"the {name} is no integer from 1 to {most}"
    if label:
        problems.add(
            "bad-genes",
            "Bad genes",
            clause.span,
            label,
            "genes(...) holds genes 2 to 5: group and strategy of featurizer sharing, "
            "then of feature-group sharing.",
            "as in genes(1, 1, 2, 1); `starc genes` lists every value",
        )
        return None
    second, third, fourth, fifth = values
    return second, third, fourth, fifth  # type: ignore[return-value]


def _compare(
    entries: Sequence[Entry],
    genome: Genome,
    places: dict[int, ast.Genes],
    problems: Problems,
) -> None:
    """A problem where following the genes finds another sharing than the words say."""
    seen: set[int] = set()
    for position, (entry, found) in enumerate(
        zip(entries, meaning(genome), strict=True)
    ):
        said = entry.meaning
        if said == found:
            continue
        # The clause to look at: the LIV's own, else that of a LIV it shares with.
        others = (
            position,
            said.weights_from,
            said.features_from,
            found.weights_from,
            found.features_from,
        )
        at = next((p for p in others if p in places), next(iter(places)))
        clause = places[at]
        if clause.span.start in seen and clause.span.end:
            continue
        seen.add(clause.span.start)
        use = entry.use
        words = next((c for c in use.clauses if c is not clause), use)
        problems.add(
            "genes-disagree",
            "Genes and words disagree",
            clause.span,
            f"these genes say {_in_words(found, entry, position)}",
            "genes(...) keeps what the words leave open; it cannot change who shares "
            "what.",
            "remove the genes(...), or make the words say the same",
            (
                Note(
                    words.span,
                    f"the words say {_in_words(said, entry, position)}",
                ),
            ),
        )


def _in_words(liv: LivMeaning, entry: Entry, position: int) -> str:
    """`LIV 4 (SA-3) has the weights of LIV 0`."""
    name = f"LIV {position} ({entry.name})"
    parts = []
    if liv.weights_from >= 0:
        parts.append(f"has the weights of LIV {liv.weights_from}")
    if liv.features_from >= 0:
        by = f" by strategy {liv.borrows}"
        parts.append(f"borrows features of LIV {liv.features_from}{by}")
    return f"{name} {' and '.join(parts) or 'shares nothing'}"
