"""Genomes: integers <-> syntax tree, canonical form, legality and repair."""

from starc.genome.classes import Classes, coded, published
from starc.genome.decode import decode
from starc.genome.encode import encode
from starc.genome.exact import check_genes
from starc.genome.legality import Illegality, legality, require_legal
from starc.genome.meaning import LivMeaning, canonical, meaning
from starc.genome.repair import Change, Repair, random_genome, repair
from starc.genome.text import Genes, Genome, from_lists, read, write, write_json

__all__ = [
    "Change",
    "Classes",
    "Genes",
    "Genome",
    "Illegality",
    "LivMeaning",
    "Repair",
    "canonical",
    "check_genes",
    "coded",
    "decode",
    "encode",
    "from_lists",
    "legality",
    "meaning",
    "published",
    "random_genome",
    "read",
    "repair",
    "require_legal",
    "write",
    "write_json",
]
