"""The alphabet: what the names of LIVs mean, and what operators they become.

prelude()                    the classes that ship with starc
extend(prelude(), program, problems)   with those that a program defines
templates()                  what is realised, with a table of options each
"""

from starc.alphabet.alphabet import Alphabet, Meaning
from starc.alphabet.arguments import build_operator, read_arguments
from starc.alphabet.definitions import extend
from starc.alphabet.featurizers import FeaturizerGenome
from starc.alphabet.liv_class import LivClass
from starc.alphabet.option import Option
from starc.alphabet.resolved_options import Stream
from starc.alphabet.shipped import prelude
from starc.alphabet.template import Template
from starc.alphabet.templates import template_of, templates

__all__ = [
    "Alphabet",
    "FeaturizerGenome",
    "LivClass",
    "Meaning",
    "Option",
    "Stream",
    "Template",
    "build_operator",
    "extend",
    "prelude",
    "read_arguments",
    "template_of",
    "templates",
]
