"""Genomes as text: `21211-31112`, `10.1.2.1.1-2.1.1.1.1` where genes pass 9, JSON."""

import json
import operator
import re
from collections.abc import Sequence

from starc.diagnostics import Problems
from starc.numerals import counted
from starc.source import Source, Span

Genes = tuple[int, int, int, int, int]
Genome = tuple[Genes, ...]

GENE_NAMES = (
    "LIV class",
    "featurizer-sharing group",
    "featurizer-sharing strategy",
    "feature-group-sharing group",
    "feature-group-sharing strategy",
)

LARGEST_GENE = 999_999_999
"""Labels are names; nine digits are plenty and keep every text short."""

_SEPARATOR = re.compile(r"[.,\s]+")
_LIV = re.compile(r"[^-\n;]*")
_STRANGE = re.compile(r"[^0-9.,\s]")
_FIVE = (
    "A LIV of a backbone genome is five integers from 1 up: its class, then group and "
    "strategy of featurizer sharing, then group and strategy of feature-group sharing."
)
_EXAMPLES = "as in 21211-31112, 10.1.2.1.1-2.1.1.1.1 or [[2, 1, 2, 1, 1], ...]"


def read(text: str, name: str = "<genome>") -> Genome:
    """The genome that `text` spells: digits, separated genes, or JSON.

    Only the form is checked here, not whether the genes are legal. Raises StarError.
    """
    source = Source(name, text)
    problems = Problems()
    if text.lstrip().startswith(("[", "{", '"')):
        genome = _read_json(source, problems)
    else:
        genome = _read_livs(source, problems)
    problems.check()
    return genome


def from_lists(lists: Sequence[Sequence[int]]) -> Genome:
    """The genome that nested lists of integers spell. Raises StarError."""
    return read(json.dumps(lists, default=operator.index))


def write(genome: Genome) -> str:
    """`21211-31112`; with dots between all genes if one of them passes 9."""
    dot = "." if any(gene > 9 for liv in genome for gene in liv) else ""
    return "-".join(dot.join(map(str, liv)) for liv in genome)


def write_json(genome: Genome) -> str:
    """`[[2, 1, 2, 1, 1], [3, 1, 1, 1, 2]]`."""
    return json.dumps([list(liv) for liv in genome])


def liv_spans(genome: Genome, name: str = "<genome>") -> tuple[Span, ...]:
    """Where each LIV stands in `write(genome)`."""
    source = Source(name, write(genome))
    return tuple(
        source.span(match.start(), match.end())
        for match in re.finditer(r"[^-]+", source.text)
    )


def _malformed(
    problems: Problems, span: Span, label: str, hint: str = _EXAMPLES
) -> None:
    problems.add("malformed-genome", "Malformed genome", span, label, _FIVE, hint)


def _read_livs(source: Source, problems: Problems) -> Genome:
    # A line end separates as `-` does, also next to one: long genomes are wrapped.
    text = re.sub(r"-[ \t]*\r?\n|\r?\n[ \t]*-", _dash, source.text.rstrip())
    if not text.strip():
        _malformed(problems, source.span(0, len(source.text)), "no LIV")
        return ()
    found: list[Genes] = []
    start, position = len(text) - len(text.lstrip()), 0
    while start <= len(text):
        match = _LIV.match(text, start)
        assert match is not None
        genes = _read_liv(source, start, match.group(), position, problems)
        if genes is not None:
            found.append(genes)
        start, position = match.end() + 1, position + 1
    return tuple(found)


def _dash(match: re.Match[str]) -> str:
    """One `-` and blanks, so that offsets stay what they are in the text."""
    return "-".ljust(len(match.group()))


def _read_liv(
    source: Source, start: int, text: str, position: int, problems: Problems
) -> Genes | None:
    """The LIV `text` between two `-`, which stands at `start`."""
    start += len(text) - len(text.lstrip())
    text = text.strip()
    span = source.span(start, start + max(1, len(text)))
    which = f"LIV {position} (counted from 0)"
    if not text:
        _malformed(problems, span, f"{which} is empty", "remove the extra `-`")
        return None
    strange = _STRANGE.search(text)
    if strange:
        at = source.span(start + strange.start(), start + strange.end())
        _malformed(problems, at, f"{which} has a character that is no digit")
        return None
    words = _SEPARATOR.split(text)
    if len(words) == 1:
        words = list(text)
    return _checked([_integer(word) for word in words], span, which, problems)


def _integer(word: str) -> int | None:
    return int(word) if word and len(word) <= 9 else None


def _checked(
    genes: Sequence[object], span: Span, which: str, problems: Problems
) -> Genes | None:
    """Five integers from 1 to LARGEST_GENE, or a diagnostic."""
    if len(genes) != 5:
        hint = _EXAMPLES
        if len(genes) > 5 and "." not in span.text:
            hint = "where a gene passes 9, separate genes: 10.1.2.1.1"
        _malformed(
            problems, span, f"{which} has {counted(len(genes), 'gene')}, not 5", hint
        )
        return None
    for gene, name in zip(genes, GENE_NAMES, strict=True):
        if type(gene) is not int or not 1 <= gene <= LARGEST_GENE:
            label = f"the {name} of {which} is no integer from 1 to {LARGEST_GENE}"
            _malformed(problems, span, label)
            return None
    return genes[0], genes[1], genes[2], genes[3], genes[4]  # type: ignore[return-value]


def _read_json(source: Source, problems: Problems) -> Genome:
    everything = source.span(0, len(source.text))
    try:
        # Numbers stay words, because int() refuses very long ones with an exception.
        livs = json.loads(source.text, parse_int=_json_integer)
    except json.JSONDecodeError as error:
        at = source.span(error.pos, min(error.pos + 1, len(source.text)))
        _malformed(problems, at, f"no JSON: {error.msg}")
        return ()
    except RecursionError:
        _malformed(problems, everything, "JSON nested too deeply")
        return ()
    if not isinstance(livs, list) or not livs:
        _malformed(problems, everything, "no list of LIVs")
        return ()
    found = []
    for position, liv in enumerate(livs):
        which = f"LIV {position} (counted from 0)"
        if not isinstance(liv, list):
            _malformed(problems, everything, f"{which} is no list of integers")
            continue
        genes = _checked(liv, everything, which, problems)
        if genes is not None:
            found.append(genes)
    return tuple(found)


def _json_integer(word: str) -> int | None:
    return int(word) if len(word) <= 9 else None
