"""The featurizer of an emitted class: its projections, and the lines they make."""

from collections.abc import Sequence

from starc.backend.emission import Emission, StateField
from starc.backend.residuals import LORA, read_width
from starc.backend.tensors import start_lines
from starc.ir.init import SHARE
from starc.ir.nodes import Liv
from starc.ir.operator import Operator
from starc.values import dataclass

TOKEN_SHIFT = "token_shift"
"""The function in `templates/functions/` that steps back by a token."""


def joined(groups: tuple[str, ...]) -> str:
    """The name of several groups as one tensor: qkv, bcx, zxbcdt, gate_up."""
    short = all(len(group) <= 2 for group in groups)
    return ("" if short else "_").join(groups)


@dataclass(frozen=True)
class Projection:
    """Feature groups that one multiplication computes.

    weights: where the tensors are: "self", or the name of an argument.
    source: the variable that is multiplied: "u", a group, or something lent.
    made_of: the group that is multiplied, "" for the normed input. wide: that input is
    the stream and what entered it.
    convolved: those of the groups that go through the short convolution.
    step: the variable of what leads from each token of the source to the one before,
    where the group is of a mixture of the two; "": it is of the source as it is.
    stacked: the group is a stack of projections, which the template's lines multiply.
    """

    groups: tuple[str, ...]
    weights: str
    source: str
    convolved: tuple[str, ...]
    stacked: bool = False
    made_of: str = ""
    wide: bool = False
    step: str = ""

    @property
    def read(self) -> str:
        """What is multiplied, in the lines of forward."""
        if not self.step:
            return self.source
        return f"{self.source} + {self.weights}.{self.share} * {self.step}"

    @property
    def share(self) -> str:
        """The tensor that says how much of each channel comes from the token before."""
        return f"{self.name}_shift"

    @property
    def last(self) -> str:
        """The last token of the source, in the state."""
        return self.step.replace("step", "last")

    @property
    def name(self) -> str:
        return joined(self.groups)

    @property
    def linear(self) -> str:
        return f"{self.name}_proj"

    @property
    def convolution(self) -> str:
        return f"{joined(self.convolved)}_conv"


def convolved_groups(operator: Operator, groups: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the groups that the operator convolves."""
    if not operator.kernel:
        return ()
    return tuple(g for g in groups if operator.group(g).convolved)


def projections(
    liv: Liv, weights: dict[str, str], read: dict[str, str], wide: set[str]
) -> list[Projection]:
    """The projections of a LIV; `weights` and `read` name variables, for labels and
    for groups. wide: labels of the LIVs that read what entered the stream too."""
    found = []
    for groups in liv.projections:
        feature = liv.feature(groups[0])
        shifted = liv.operator.shifted(liv.operator.group(groups[0]))
        found.append(
            Projection(
                groups,
                weights[feature.weights],
                read[feature.group],
                convolved_groups(liv.operator, groups),
                liv.operator.group(groups[0]).stack > 0,
                liv.operator.group(feature.group).source,
                feature.weights in wide,
                _step(read[feature.group]) if shifted else "",
            )
        )
    return found


def _step(source: str) -> str:
    """`step`; of the second of other LIVs' inputs, u_2, step_2."""
    return f"step{source.removeprefix('u')}"


def _sum(terms: list[str]) -> str:
    """`(heads + 2 * kv_heads) * head_dim`: a sum of widths, equal terms counted."""
    last = [term.rpartition(" * ")[2] for term in terms]
    if len(set(terms)) > 1 and len(set(last)) == 1 and all(" * " in t for t in terms):
        return f"({_sum([term.rpartition(' * ')[0] for term in terms])}) * {last[0]}"
    counts: dict[str, int] = {}
    for term in terms:
        counts[term] = counts.get(term, 0) + 1
    return " + ".join(t if n == 1 else f"{n} * {t}" for t, n in counts.items())


def width_of(emission: Emission, groups: tuple[str, ...], init: list[str]) -> str:
    """Channels of groups together; the sum of their sizes if `init` sets these."""
    sizes = f"self.{joined(groups)}_sizes"
    if any(line.startswith(f"{sizes} = ") for line in init):
        return f"sum({sizes})"
    return _sum([emission.widths[group] for group in groups])


def weight_lines(
    operator: Operator,
    emission: Emission,
    projection: Projection,
    init: list[str],
) -> list[str]:
    """Constructor lines of the tensors behind a projection, which follow those of
    `init`."""
    of = read_width(projection.wide)
    if projection.stacked:
        count, each = emission.stacks[projection.name]
        of = emission.widths.get(projection.made_of, of)
        biased = operator.biased(projection.name) and not projection.made_of
        made = "BiasedExperts" if biased else "Experts"
        return [f"self.{projection.linear} = {made}({count}, {of}, {each})"]
    width = width_of(emission, projection.groups, init)
    bias = operator.biased(projection.groups[0])  # all, or none
    if projection.made_of:
        of, bias = emission.widths[projection.made_of], False
    linear = f"nn.Linear({of}, {width}, bias={bias})"
    lines = [f"self.{projection.linear} = {linear}"]
    if projection.step:
        lines.append(f"self.{projection.share} = nn.Parameter(torch.empty({of}))")
    if projection.convolved:
        name = projection.convolution
        width = width_of(emission, projection.convolved, init)
        lines.append(f"self.{name} = nn.Parameter(torch.empty({width}, kernel))")
        if operator.convolution_bias:
            lines.append(f"self.{name}_bias = nn.Parameter(torch.empty({width}))")
    return lines


def reset_lines(operator: Operator, projection: Projection) -> list[str]:
    """Lines that draw the taps of a projection's convolution; the model draws those of
    every nn.Linear."""
    if not projection.convolved:
        return []
    name = projection.convolution
    lines = [
        f"bound = self.{name}.shape[1] ** -0.5",
        f"nn.init.uniform_(self.{name}, -bound, bound)",
    ]
    if operator.convolution_bias:
        lines.append(f"nn.init.zeros_(self.{name}_bias)")
    return lines


def _split(
    value: str,
    groups: tuple[str, ...],
    emission: Emission,
    sizes: str,
    indented: list[str],
) -> str:
    """`.chunk(3, dim=-1)` or `.split(self.sizes, dim=-1)`, which sets the sizes."""
    widths = [emission.widths[group] for group in groups]
    if len(set(widths)) == 1:
        return f"{value}.chunk({len(groups)}, dim=-1)"
    indented.append(f"self.{sizes} = [{', '.join(widths)}]")
    return f"{value}.split(self.{sizes}, dim=-1)"


def lora_call(operator: Operator, projection: Projection) -> str:
    """What a use of the LIV adds to a projection: of all groups, or of these."""
    names = [group.name for group in operator.groups]
    chosen = [str(names.index(group)) for group in projection.groups]
    arguments = [projection.read, *(chosen if len(chosen) < len(names) else ())]
    return f"{LORA}({', '.join(arguments)})"


def forward_lines(
    operator: Operator, emission: Emission, projection: Projection, lora: str = ""
) -> tuple[list[str], list[str]]:
    """Lines of forward that leave every group in a variable of its name.

    lora: what is added to the product; "": nothing. Also the constructor lines that
    these need (sizes to split by).
    """
    init: list[str] = []
    if projection.stacked:
        return [], init
    groups, convolved = projection.groups, projection.convolved
    product = projection.name
    expression = f"{projection.weights}.{projection.linear}({projection.read})"
    together = f"({expression} + {lora})" if lora else expression
    expression = f"{expression} + {lora}" if lora else expression
    lines: list[str] = []
    if convolved:
        conv = joined(convolved)
        split = ""
        if len(convolved) > 1:
            value = _split(conv, convolved, emission, f"{conv}_sizes", init)
            split = f"{', '.join(convolved)} = {value}"
        if len(convolved) < len(groups):
            first = groups.index(convolved[0])
            last = first + len(convolved)
            outer = (*groups[:first], conv, *groups[last:])
            widths = {**emission.widths, conv: width_of(emission, convolved, init)}
            sizes = ", ".join(widths[name] for name in outer)
            init.append(f"self.{product}_sizes = [{sizes}]")
            value = f"{together}.split(self.{product}_sizes, dim=-1)"
            lines.append(f"{', '.join(outer)} = {value}")
        else:
            lines.append(f"{conv} = {expression}")
        name = projection.convolution
        arguments = [conv, f"{projection.weights}.{name}"]
        arguments.append(
            f"{projection.weights}.{name}_bias" if operator.convolution_bias else "None"
        )
        arguments.append(f"state.{name}")
        if operator.convolution_activation:
            arguments.append(f'"{operator.convolution_activation}"')
        arguments.append("cu_seqlens=state.cu_seqlens")
        lines.append(f"{conv}, state.{name} = short_conv({', '.join(arguments)})")
        if split:
            lines.append(split)
    elif len(groups) > 1:
        value = _split(together, groups, emission, f"{product}_sizes", init)
        lines.append(f"{', '.join(groups)} = {value}")
    else:
        lines.append(f"{groups[0]} = {expression}")
    return lines, init


def shift_resets(projections: Sequence[Projection]) -> list[str]:
    """Lines that draw the shares of all mixtures that are made with own tensors."""
    names = [f"self.{p.share}" for p in projections if p.step and p.weights == "self"]
    if not names:
        return []
    words = f"# {SHARE.words}"
    if len(names) == 1:
        return [words, *start_lines(names[0], SHARE.start, 0)]
    (line,) = start_lines("shift", SHARE.start, 0)
    return [
        words,
        f"shifts = [{', '.join(names)}]",
        "for shift in shifts:",
        f"    {line}",
    ]


def shift_lines(projections: Sequence[Projection]) -> list[str]:
    """Lines of forward that step back from each token, for each source once."""
    found = {
        p.source: f"{p.step}, state.{p.last} = "
        f"{TOKEN_SHIFT}({p.source}, state.{p.last}, state.cu_seqlens)"
        for p in projections
        if p.step
    }
    return [*found.values()]


def shift_states(projections: Sequence[Projection]) -> list[StateField]:
    """What these lines keep: of each source the last token."""
    found = {
        p.last: StateField(p.last, ("1", read_width(p.wide)), "(B, 1, D)")
        for p in projections
        if p.step
    }
    return [*found.values()]


def convolution_state(
    operator: Operator, emission: Emission, projection: Projection
) -> StateField:
    """What the short convolution behind a projection keeps."""
    width = _sum([emission.widths[group] for group in projection.convolved])
    shape = ("kernel - 1", width)
    return StateField(projection.convolution, shape, "(B, kernel - 1, D)")
