"""What a use may say of the residual around its LIV, whatever the LIV is."""

from collections.abc import Mapping
from dataclasses import replace

from starc.alphabet.liv_class import LivClass
from starc.alphabet.option import Givens, Option, Quantity
from starc.ir.residual import (
    AND_EMBEDDING,
    LEARNED,
    NONE,
    OTHERS,
    PLACEMENTS,
    STREAM,
)

LARGEST_SCALE = 10_000

PLACEMENT = Option(
    "placement",
    "word",
    "where a norm stands: before the LIV, after it, on both sides, in the stream that "
    "it reads and is added to, or nowhere",
    derived="that of the model",
    choices=tuple(PLACEMENTS),
)
RESIDUAL_SCALE = Option(
    "residual_scale",
    "number",
    "what the LIV's output is multiplied with before it is added to the stream",
    derived="that of the model",
    low=1 / LARGEST_SCALE,
    high=LARGEST_SCALE,
    words=(LEARNED,),
)
SKIP_SCALE = replace(
    RESIDUAL_SCALE,
    name="skip_scale",
    meaning="what the stream is multiplied with before the LIV's output is added",
)
INPUT_SCALE = replace(
    RESIDUAL_SCALE,
    name="input_scale",
    meaning="what the LIV's input is multiplied with, behind a norm before it",
    default=1,
    derived="",
)
INPUT = Option(
    "input",
    "list",
    "what it reads: the stream, or behind its channels those that entered the stream",
    STREAM,
    choices=(STREAM, AND_EMBEDDING),
    field="reads",
)
OUTPUT = Option(
    "output",
    "word",
    "where its answer goes: to the stream, nowhere but to LIVs that read it, or of "
    "several streams to all but the first, which it reads",
    STREAM,
    choices=(STREAM, OTHERS, NONE),
)
LORA = Option(
    "lora",
    "whole",
    "rank of a product of two matrices that each use has of its own, also `same as`, "
    "beside every projection of its input; none: nothing",
    0,
    high=65_536,
    none=True,
)
LORA_DOWN = Option(
    "lora_down",
    "word",
    "whether each feature group has the first of these matrices for itself, or all one",
    "each",
    choices=("each", "one"),
    field="lora_one",
)
_OF_ALL = (PLACEMENT, RESIDUAL_SCALE, SKIP_SCALE, INPUT_SCALE, INPUT)
_EVERY = (*_OF_ALL, OUTPUT, LORA, LORA_DOWN)
AROUND = {option.name: option for option in _EVERY}
OF_ALL = {option.name: option for option in _OF_ALL}
"""What a parallel may say, of all its branches."""


def said_of_residual(liv: LivClass, given: Givens) -> Mapping[str, Quantity]:
    """What the class and a use of it say of the residual; the use has the last word."""
    found = {name: liv.defaults[name] for name in AROUND if name in liv.defaults}
    return found | {name: given[name].value for name in AROUND if name in given}
