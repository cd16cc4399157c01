"""Of the gene reference: what the alphabet knows of classes, genomes and parameters."""

from collections.abc import Iterator
from fractions import Fraction

from starc.alphabet import FeaturizerGenome, LivClass, Option, prelude, templates
from starc.alphabet import structures as words
from starc.alphabet.around import AROUND
from starc.alphabet.liv_class import CHOICES
from starc.alphabet.option import Quantity
from starc.genome import marks
from starc.genome.classes import published
from starc.genome.marks import Mark
from starc.genome.table import Cell, Table
from starc.numerals import numeral, written


def classes() -> Table:
    columns = ("code", "name", "operator", "what it is", "aliases", "feature groups")
    columns_2 = ("settles", "label", "note", "mark")
    rows = tuple(_class(liv) for liv in published().values())
    title = "Gene 1: LIV classes"
    return Table("classes", title, marks.CLASSES, (*columns, *columns_2), rows)


def _class(liv: LivClass) -> tuple[Cell, ...]:
    note = marks.class_note(liv.code or 0)
    flags = liv.template.flags.values()  # said by the feature groups already
    settled = [f"{n} = {_plain(v)}" for n, v in liv.defaults.items() if n not in flags]
    if liv.repeat > 1:
        settled.append(f"{liv.repeat} copies of {' and '.join(liv.template.repeat)}")
    return (
        liv.code,
        liv.name,
        "".join(map(str, liv.digits or ())),
        f"difference of two {liv.of.name}" if liv.of else liv.template.title,
        [*prelude().aliases(liv.name)],
        [*liv.groups],
        settled,
        f"{liv.template.stem}_N",
        note.text,
        note.mark,
    )


def operator_genome() -> Table:
    columns = ("digit", "choice", "value", "word", "meaning", "mark")
    rows = tuple(_operator_genome())
    return Table("operator_genome", "Operator genome", marks.OPERATOR, columns, rows)


def _operator_genome() -> Iterator[tuple[Cell, ...]]:
    for featurizer in _numbered():
        meaning = f"computes {', '.join(featurizer.groups)}"
        value, name = featurizer.code, featurizer.name
        yield 1, "featurizer", value, name, meaning, Mark.PUBLISHED
    for digit, (choice, known) in enumerate(CHOICES.items(), start=2):
        for word in known.values():
            mark = marks.CHOICES[choice] if word.digit else Mark.OURS
            yield digit, choice, word.digit, word.word, word.meaning, mark


def _numbered() -> list[FeaturizerGenome]:
    found = [f for f in prelude().featurizers.values() if f is not None]
    return [featurizer for featurizer in found if featurizer.code is not None]


def featurizers() -> Table:
    columns = ("code", "name", "groups", "token", "nonlinear", "channel", "filter")
    columns_2 = ("expand", "repeat", "note", "mark")
    rows = tuple(_featurizer(featurizer) for featurizer in _numbered())
    about = marks.FEATURIZERS
    return Table("featurizers", "Featurizers", about, (*columns, *columns_2), rows)


def _featurizer(featurizer: FeaturizerGenome) -> tuple[Cell, ...]:
    def written(choice: str, default: str) -> str:
        setting = featurizer.settings.get(choice)
        return default if setting is None else setting.value.span.text

    note = marks.FEATURIZER_NOTES.get(featurizer.code or 0, marks.NO_REMARK)
    return (
        featurizer.code,
        featurizer.name,
        [*featurizer.groups],
        written("token", "diagonal"),
        written("nonlinear", "none"),
        written("channel", "dense"),
        written("filter", "none"),
        [_plain(number) for number in featurizer.expand or (1,)],
        [_plain(number) for number in featurizer.repeat or (1,)],
        note.text,
        note.mark,
    )


def featurizer_genome() -> Table:
    columns = ("field", "value", "meaning", "mark")
    title, about = "Featurizer genome", marks.FEATURIZER_GENOME
    rows = tuple(_featurizer_genome())
    return Table("featurizer_genome", title, about, columns, rows)


def _featurizer_genome() -> Iterator[tuple[Cell, ...]]:
    for field, known in (
        ("token", words.FEATURIZER_TOKEN),
        ("nonlinear", words.FEATURIZER_NONLINEAR),
        ("channel", words.FEATURIZER_CHANNEL),
        ("filter", words.FILTER),
    ):
        for word in known.values():
            mark = Mark.PUBLISHED if word.digit else Mark.OURS
            yield field, word.word, word.meaning, mark
    for field, value, meaning in marks.FEATURIZER_NUMBERS:
        yield field, value, meaning, Mark.PUBLISHED
    source = "what the group is a projection of"
    yield "source", "input, or a group before it", source, Mark.OURS


def parameters() -> Iterator[Table]:
    """A table for each operator."""
    columns = ("parameter", "takes", "default", "meaning", "left open", "mark")
    rows = tuple(map(_parameter, AROUND.values()))
    about = f"Of every LIV that stands in no parallel. {marks.PARAMETERS}"
    yield Table("parameters_residual", "Parameters: residual", about, columns, rows)
    for template in templates():
        users = prelude().classes.items()
        names = ", ".join(name for name, liv in users if liv.template is template)
        about = f"Of {names}. {marks.PARAMETERS}"
        rows = tuple(map(_parameter, template.options))
        key, title = f"parameters_{template.kind}", f"Parameters: {template.title}"
        yield Table(key, title, about, columns, rows)


def _parameter(option: Option) -> tuple[Cell, ...]:
    default = option.derived if option.default is None else _plain(option.default)
    if option.none and option.default == 0:
        default = "none"
    mark = Mark.ASSUMED if option.assumption else ""
    meaning, left_open = option.meaning, option.assumption
    return option.name, option.takes, default, meaning, left_open, mark


def _plain(value: Quantity) -> str:
    if isinstance(value, Fraction) and value.denominator in (2, 4, 5, 8, 10, 100):
        return numeral(float(value))
    return written(value)
