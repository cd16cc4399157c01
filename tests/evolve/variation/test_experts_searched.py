"""A search whose pool has delta rules, latent attention and experts."""

from math import prod
from pathlib import Path

import pytest
import torch

from starc import compiler
from starc.diagnostics import Problems
from starc.evolve.evaluation import static
from starc.evolve.problem.architecture import source
from starc.evolve.problem.reading import read
from starc.evolve.problem.spec import Spec
from starc.evolve.variation.repair import problem
from tests.emitted.helpers import load
from tests.evolve.variation.test_variation import children

PATH = Path(__file__).parents[3] / "examples" / "search" / "experts.star"
EXPERTS, TOP = 8, 2


@pytest.fixture(scope="module")
def spec() -> Spec:
    problems = Problems()
    found = read(PATH.read_text(), problems)
    assert found is not None and not problems
    return found


def test_children_are_legal_and_counted_exactly(spec: Spec) -> None:
    """Mutation and crossover keep to the pool; costs are those of the emitted model."""
    found = children(spec, 40)
    assert not any(problem(child.candidate, spec) or child.illegal for child in found)
    codes = {genes[0] for child in found for genes in child.candidate.genome}
    assert {18, 19, 20} <= codes
    for child in found[:3]:
        counted = static.of(child.candidate, spec)
        with torch.device("meta"):
            model = load(compiler.compile(source(child.candidate, spec))).Model()
            cache = model.new_cache(1, 256, dtype=torch.bfloat16)
        sizes = {name: prod(p.shape) for name, p in model.named_parameters()}
        assert counted["params"] == sum(sizes.values())
        idle = [
            size // EXPERTS * (EXPERTS - TOP)
            for name, size in sizes.items()
            if model.get_parameter(name).dim() == 3
        ]
        assert counted["active"] == sum(sizes.values()) - sum(idle)
        assert counted["cache"] == cache.nbytes


def test_memory_counts_the_experts_that_are_chosen(spec: Spec) -> None:
    """Four times the experts, of which a token takes as many, need as much."""
    child = next(
        one
        for one in children(spec, 40)
        if any(genes[0] == 20 for genes in one.candidate.genome)
    )
    problems = Problems()
    more = read(PATH.read_text().replace("experts = 8", "experts = 32"), problems)
    assert more is not None
    one, other = (static.of(child.candidate, s) for s in (spec, more))
    assert other["params"] > one["params"]
    routers = 2 * 256 * (32 - 8) * len(child.candidate.genome)
    less = one["activation_memory"]
    assert less < other["activation_memory"] <= less + routers
