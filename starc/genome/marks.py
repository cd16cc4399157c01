"""How sure we are of each gene, and what no table of the code can say for itself."""

from enum import StrEnum
from typing import NamedTuple


class Mark(StrEnum):
    """Where a row of the gene reference comes from."""

    PUBLISHED = "[H]"
    ONE_SOURCE = "[M]"
    ASSUMED = "[A]"
    OURS = "starc"


MARKS = {
    Mark.PUBLISHED: "quoted from the paper, or confirmed by arithmetic on its numbers",
    Mark.ONE_SOURCE: "found in one source",
    Mark.ASSUMED: "assumed here, because nothing was found",
    Mark.OURS: "beyond the paper; no published number",
}


class Remark(NamedTuple):
    text: str
    mark: Mark | str = ""


NO_REMARK = Remark("")

GENES = {
    1: Remark("which operator the LIV is", Mark.PUBLISHED),
    2: Remark("LIVs with this label and a gene 3 above 1 are a group", Mark.ONE_SOURCE),
    3: Remark("what the members of that group share", Mark.PUBLISHED),
    4: Remark("LIVs with this label and a gene 5 above 1 are a group", Mark.ONE_SOURCE),
    5: Remark("which features a member borrows from the first one", Mark.ASSUMED),
}

BACKBONE = """\
Five integers for each LIV, in order of depth: 21211-31112, or 10.1.2.1.1-2.1.1.1.1
where one passes 9, or JSON. LIVs are counted from 0, as in the names of layers.

Rules, in both kinds of sharing:
- The first member of a group owns; the others take from it. [A]
- All members of a group are of one class; anything else is illegal. [A]
- A LIV may be in a group of each kind. It borrows its borrowed features as they are,
  and the rest is computed with the shared weights. [A]
- The two sides of a differential LIV share side by side. [A]
- Repair draws an illegal gene again [M]: a label of a group of the LIV's own class, or
  one that nobody has, with equal chance [A]; other genes from their range [A].

Silent genes change nothing: a label whose strategy is 1, both genes of a group of one,
the exact strategy of an owner, and how labels are numbered. The canonical genome has
1 for silent genes, 2 for the strategy of owners, and labels numbered by first use. Two
genomes are one architecture exactly if their canonical genomes are equal. [A]"""

CLASSES = """\
`operator` is the operator genome, digit by digit below. `settles` is what the class
fixes of its operator's parameters. `starc decode` makes labels with the depth as N."""

WEIGHT_SHARING = """\
Shared are all tensors that make T(x): projections, short convolutions, filters, decays,
norms of q and k. Each LIV keeps its own norm and output projection. [A]"""

FEATURE_SHARING = """\
A follower takes over the features themselves, as the owner computed them from its own
input; it has neither their projections nor their state. Of every featurizer one group
is never borrowed, so that gene 5 never makes gene 3 silent."""

OPERATOR = """\
Five digits for each class: which featurizer computes the features, and how T(x) is made
of them. Not every combination has an operator; `starc check` names the nearest."""

FEATURIZERS = """\
The first digit of the operator genome. The names are ours; the paper has the numbers.
`expand` and `repeat` hold one number for each group, or one for all."""

FEATURIZER_GENOME = "For each feature group: how it is computed from the LIV's input."

PARAMETERS = """\
No gene says these: a genome means the defaults, or what its class settles instead."""

CHOICES = {
    "token": Mark.PUBLISHED,
    "sparsity": Mark.ONE_SOURCE,
    "nonlinear": Mark.ONE_SOURCE,
    "channel": Mark.PUBLISHED,
}
"""Of the digits of the operator genome that are choices of structure."""

FEATURIZER_NUMBERS = (
    ("expand", "a number", "width of the group over the width of the input"),
    ("repeat", "a whole number", "copies of the group across channels"),
)

_CLASS_NOTES = {
    1: Remark("multi-head attention", Mark.ONE_SOURCE),
    2: Remark("with a short convolution on q, k and v; 3 taps", Mark.ASSUMED),
    3: Remark("grouped-query attention: k and v repeated 4 times", Mark.PUBLISHED),
    4: Remark("as SA-3, repeated twice", Mark.ONE_SOURCE),
    5: Remark(
        "expansion 16 read as Mamba's states per channel; b, c and dt are projections "
        "of the input, where Mamba has x",
        Mark.ASSUMED,
    ),
    6: Remark("as Rec-1, expansion 2", Mark.ASSUMED),
    7: Remark("explicit filter of length 3", Mark.PUBLISHED),
    8: Remark(
        "implicit filter (Hyena); of the position only, so it is causal",
        Mark.PUBLISHED,
    ),
    9: Remark("SwiGLU; the only class without a differential one", Mark.PUBLISHED),
}

FEATURIZER_NOTES = {
    2: Remark("3 taps", Mark.ASSUMED),
    3: Remark("repeat 4", Mark.PUBLISHED),
    4: Remark("repeat 2", Mark.ONE_SOURCE),
    5: Remark("4 taps, groups as in Mamba; expansion 16 of b and c", Mark.ASSUMED),
    6: Remark("as 5, expansion 2", Mark.ASSUMED),
    7: Remark("3 taps", Mark.PUBLISHED),
    8: Remark("three layers with sines, after Hyena", Mark.ASSUMED),
    9: Remark("expansion 8/3 from the published parameter counts", Mark.ASSUMED),
}


def class_note(code: int) -> Remark:
    """What is to say of a class; of 10 to 17, that it is a difference."""
    difference = Remark("two sets of parameters, outputs subtracted", Mark.ONE_SOURCE)
    return _CLASS_NOTES.get(code, difference)
