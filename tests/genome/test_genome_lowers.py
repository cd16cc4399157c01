"""What decode writes compiles, and means in the IR what the genome means."""

from random import Random

import pytest

from starc.compiler import check, to_ir
from starc.frontend.unparse import unparse
from starc.genome import decode, encode, meaning, published, random_genome, read
from starc.genome.strategies import borrowed_groups
from starc.ir.nodes import Again, Liv, Parallel
from starc.passes.expand import expand


@pytest.mark.parametrize("exact", [False, True])
def test_the_ir_shares_what_the_genome_shares(
    random_source: Random, exact: bool
) -> None:
    for _ in range(60):
        genome = random_genome(random_source, random_source.randint(1, 24))
        text = unparse(decode(genome, exact=exact, width=128))
        assert check(text) == ()
        layers = list(expand(to_ir(text)).layers())
        labels = [layer.label for layer in layers]
        for position, (layer, liv) in enumerate(
            zip(layers, meaning(genome), strict=True)
        ):
            of = published()[liv.code]
            assert layer.label == f"{of.template.stem}_{position}"
            assert not isinstance(layer, Again) and layer.name == of.name
            assert isinstance(layer, Parallel) == bool(of.of)
            owner = labels[liv.weights_from] if liv.weights_from >= 0 else ""
            lender = labels[liv.features_from] if liv.features_from >= 0 else ""
            groups = borrowed_groups(of.groups, liv.borrows)
            branches = layer.branches if isinstance(layer, Parallel) else (layer,)
            for branch in branches:
                assert isinstance(branch, Liv)
                tail = branch.label.removeprefix(layer.label)
                assert branch.weights_from == (owner and owner + tail)
                assert {*branch.features_from} == {(g, lender + tail) for g in groups}


def test_bad_genes_are_told_by_the_compiler() -> None:
    text = "model m { width = 128 }\nbackbone {\n  a: SA-1\n  SA-1 %s\n}\n"
    (found,) = check(text % "weights from a genes(1, 1, 1, 1)")
    assert found.code == "genes-disagree"
    (found,) = check(text % "genes(1, 0, 1, 1)")
    assert found.code == "bad-genes"


def test_the_wide_example() -> None:
    program = decode(read("21211-31112-21221-32112"))
    assert encode(program) == read("21211-31112-21211-31112")
    assert check(unparse(program)) == ()
