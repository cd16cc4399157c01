"""What may be said at a place of the text: rows of the compiler's own tables."""

from collections.abc import Mapping
from functools import cache

from starc.alphabet import Alphabet, classes, featurizers, templates
from starc.alphabet.around import AROUND
from starc.alphabet.liv_class import CHOICES
from starc.alphabet.option import Option
from starc.alphabet.structures import Structure
from starc.evolve.problem.objectives import MEASURES
from starc.lower.model import MODEL_OPTIONS, NORM_WORDS, POSITION_WORDS, Words
from starc.lower.search_options import (
    DEPTH,
    GENES,
    OPEN,
    PLAIN,
    POOL,
    SEED,
    TRAINER_KIND,
    WORDS,
)
from starc.lsp import names as at

Options = Mapping[str, Option]

CALLS: dict[tuple[str, ...], Words] = {
    (at.MODEL, "norm"): NORM_WORDS,
    (at.MODEL, "positions"): POSITION_WORDS,
    **{(at.SEARCH, name): words for name, words in WORDS.items()},
}
"""Settings whose words take arguments."""


def options(path: tuple[str, ...], alphabet: Alphabet) -> Options:
    """The settings that may stand at `path` (see Word), by name."""
    match path:
        case (at.USE, liv):
            meaning = alphabet.livs.get(liv)
            return {} if meaning is None else meaning.liv.template.by_name | AROUND
        case (at.MODEL,):
            return {option.name: option for option in MODEL_OPTIONS}
        case (at.SEARCH,):
            others = (POOL, DEPTH, SEED, OPEN, TRAINER_KIND)
            return {option.name: option for option in (*others, *PLAIN)} | GENES
        case (at.SEARCH, at.MEASURE, name):
            known = MEASURES.get(name)
            return {
                argument: _BY_NAME[argument]
                for argument in (known.arguments if known else ())
            }
        case (at.FEATURIZER,):
            return _featurizer()
        case (at.DIFF,):
            return {"code": featurizers.CODE}
        case (at.GENOME,):
            return _genome()
        case (*above, word) if tuple(above) in CALLS:
            return CALLS[tuple(above)].get(word, {})
        case (*above, word):
            structure = structures(tuple(above)).get(word)
            said = structure.arguments if structure else ()
            return {name: row for name, row in _genome().items() if name in said}
        case _:
            return {}


_BY_NAME = {option.name: option for option in MODEL_OPTIONS}


def option(path: tuple[str, ...], name: str, alphabet: Alphabet) -> Option | None:
    """The row of one setting."""
    return options(path, alphabet).get(name)


def structures(path: tuple[str, ...]) -> Mapping[str, Structure]:
    """The words of a choice of a genome: ("featurizer", "token") and the like."""
    match path:
        case (at.FEATURIZER, choice):
            return featurizers.CHOICES.get(choice, {})
        case (at.GENOME, choice):
            return CHOICES.get(choice, {})
        case _:
            return {}


def values(path: tuple[str, ...], alphabet: Alphabet) -> dict[str, str]:
    """The words that a setting may be, and what each means, "" where no table says."""
    if not path:
        return {}
    if known := structures(path):
        return {word: row.meaning for word, row in known.items()}
    row = option(path[:-1], path[-1], alphabet)
    if row is None:
        return {}
    found = dict.fromkeys((*row.choices, *row.words), "")
    if row.none or "none" in row.choices:
        found["none"] = ""
    if row.type == "flag" or row.yes:
        found |= {"true": row.yes and f"means {row.yes}", "false": ""}
    return found


@cache
def _featurizer() -> Options:
    rows = {
        "code": featurizers.CODE,
        "groups": Option("groups", "word", "the feature groups, in their order"),
        "expand": featurizers.EXPAND,
        "repeat": featurizers.REPEAT,
        "source": Option("source", "word", "what each group is computed from"),
    }
    rows |= {name: _choice(name, known) for name, known in featurizers.CHOICES.items()}
    return {name: rows[name] for name in featurizers.SETTINGS}


@cache
def _genome() -> Options:
    """What `liv NAME { ... }` may say: its choices, then defaults of parameters."""
    rows = {
        "code": featurizers.CODE,
        "featurizer": Option("featurizer", "word", "what its features are"),
        **{name: _choice(name, known) for name, known in CHOICES.items()},
    }
    rows = {name: rows[name] for name in classes.SETTINGS}
    for template in templates():
        for name, row in template.by_name.items():
            rows.setdefault(name, row)
    return rows


def _choice(name: str, known: Mapping[str, Structure]) -> Option:
    return Option(name, "word", f"the genome's choice of {name}", choices=tuple(known))
