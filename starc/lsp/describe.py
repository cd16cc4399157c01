"""Rows of the compiler's tables in Markdown, for hovers and completions."""

from starc import operators
from starc.alphabet import FeaturizerGenome, LivClass, Meaning, Option
from starc.alphabet.liv_class import CHOICES
from starc.evolve.problem.objectives import MEASURES
from starc.ir.descriptions import described
from starc.ir.operator import Operator
from starc.ir.residual import INPUT, PLUS, Residual
from starc.lsp.document import BYTES
from starc.numerals import written


def option(row: Option, value: str = "") -> str:
    """Meaning, what it takes, its default, and what of it is assumed.

    value: what holds at the place, "" where that is not known.
    """
    title = f"**{row.name}**" + (f" = `{value}`" if value else "")
    lines = [title, _sentence(row.meaning)]
    if row.choices or row.type != "word":
        lines.append(f"Takes {row.takes}.")
    lines.append(default(row))
    if row.assumption:
        lines.append(f"*Assumed*: {row.assumption}.")
    return "\n\n".join(filter(None, lines))


def unsaid(row: Option) -> str:
    """What holds where nothing is said; "" where something must be."""
    if row.default is not None:
        none = row.none and row.default == 0
        return f"`{'none' if none else written(row.default)}`"
    return row.derived


def default(row: Option) -> str:
    """The same as a sentence."""
    found = unsaid(row)
    return found and f"Default: {found}."


def meaning(name: str, found: Meaning) -> str:
    """What a LIV's name stands for."""
    liv = found.liv
    of = "" if liv.name == name else f" is {liv.name}"
    if found.stated:
        said = ", ".join(f"{n} = {written(g.value)}" for n, g in found.stated.items())
        of += f"({said})"
    lines = [f"**{name}**{of}: {liv.template.title}", formula(liv)]
    if liv.of is not None:
        lines[-1] = f"The difference of two {liv.of.name} with weights of their own."
    token = CHOICES["token"][liv.words["token"]]
    lines.append(token.meaning + ".")
    choices = ", ".join(f"{c} = {word}" for c, word in liv.words.items())
    lines.append(f"Features {', '.join(liv.groups)}; {choices}.")
    if liv.code is not None:
        digits = (
            "" if liv.digits is None else ", genome " + "".join(map(str, liv.digits))
        )
        lines.append(f"Code {liv.code}{digits}.")
    return "\n\n".join(lines)


READS = {
    INPUT: "Reads the answer of this LIV, which has `output = none`, not the stream.",
    PLUS: "Reads the stream and, through a matrix, the answer of this LIV, which has "
    "`output = none`.",
}
"""What the clauses `input from` and `plus from` say."""


def formula(liv: LivClass) -> str:
    """What its operator computes, as the operator's own file says."""
    return " ".join(
        (operators.part(liv.template.kind, "operator").__doc__ or "").split()
    )


def built(operator: Operator, residual: Residual, context: int) -> str:
    """Shapes and costs of one LIV that shares nothing."""
    every = (*operator.all_parameters(), *operator.adapters)
    tensors = [p for p in every if p.trained]
    params = sum(_size(p.shape) for p in tensors)
    params += sum(
        _size(p.shape) for p in residual.parameters(operator.width, operator.reads)
    )
    states = operator.all_state(context)
    cache = sum(_size(s.shape) * (4 if s.float32 else BYTES) for s in states)
    groups = ", ".join(f"{g.name} (B, T, {g.width})" for g in operator.groups)
    shapes = ", ".join(f"{p.name} {_shape(p.shape)}" for p in tensors)
    kept = ", ".join(f"{s.name} {_shape((1, *s.shape))}" for s in states)
    return "\n\n".join(
        [
            described(operator),
            f"Features: {groups}",
            f"Parameters: {params:,}: {shapes}",
            f"Cache of {context:,} tokens: {cache:,} bytes" + (kept and f": {kept}"),
        ]
    )


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for number in shape:
        size *= number
    return size


def _shape(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))})"


def featurizer(name: str, found: FeaturizerGenome | None) -> str:
    if found is None:
        return f"**{name}**: a featurizer"
    lines = [f"**{name}** computes {', '.join(found.groups)}"]
    lines += [f"{choice} = {word.text}" for choice, word in found.words.items()]
    if found.code is not None:
        lines.append(f"Code {found.code}.")
    return "\n\n".join(lines)


def measure(name: str) -> str:
    """What a search measures; "" for a function of the user's own."""
    found = MEASURES.get(name)
    if found is None:
        return ""
    better = "less" if found.direction == "min" else "more"
    unit = f" ({found.unit})" if found.unit else ""
    when = "Known from the text." if found.static else "Measured on the model."
    about = f"{_sentence(found.meaning)} Usually {better} is better. {when}"
    return f"**{name}**{unit}\n\n{about}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
