"""How large the study is, what it searches for, and designs of people as large."""

from dataclasses import dataclass
from functools import cache

from starc import compiler, passes
from starc.diagnostics import Problems
from starc.evolve.problem import seeds
from starc.evolve.problem.reading import read
from starc.evolve.problem.spec import Spec
from starc.frontend.parse import parse
from starc.frontend.unparse import unparse
from starc.genome import published
from starc.ir.cost import Costs, costs
from starc.source import Source

POOL = "SA-1, SA-3, Rec-1, Rec-1-Diff, GConv-1, GConv-1-Diff, GMemless"
DTYPE_BYTES = 2
"""Of a value in the cache, as the search counts."""

BASELINES = ("transformer_pp", "striped_mamba", "lfm2_like", "mamba2_hybrid")
HYBRID = "striped_mamba"
"""What the paper calls the hybrid."""


@dataclass(frozen=True)
class Size:
    """context: of the model, at which caches are counted. window: tokens of a training
    window. steps: of the search, `long` those of the confirmation, 20 times as many.

    rates: what the choice of a learning rate begins with; it goes on by factors of two
    while the best is at an end. `choosing`: its steps. budgets: of the rank
    correlations, beside the two. sampled: designs that these are of. doubled: steps at
    twice the depth, of so many seeds. simulated: whether the searches train nothing.
    """

    width: int
    depth: int
    context: int
    batch: int
    window: int
    steps: int
    population: int
    generations: int
    rate: float
    rates: tuple[float, ...]
    choosing: int
    long: int
    seeds: int
    budgets: tuple[int, ...]
    sampled: int
    doubled: int
    doubled_seeds: int
    searches: int = 3
    device: str = "cpu"
    simulated: bool = False


SIZES = {
    "cpu": Size(
        width=48,
        depth=8,
        context=1024,
        batch=4,
        window=128,
        steps=40,
        population=16,
        generations=6,
        rate=4e-3,
        rates=(2e-3, 4e-3, 8e-3),
        choosing=200,
        long=800,
        seeds=5,
        budgets=(160,),
        sampled=16,
        doubled=400,
        doubled_seeds=3,
    ),
    "gpu": Size(
        width=256,
        depth=24,
        context=4096,
        batch=16,
        window=512,
        steps=500,
        population=16,
        generations=18,
        rate=2e-3,
        rates=(1e-3, 2e-3, 4e-3),
        choosing=2_500,
        long=10_000,
        seeds=5,
        budgets=(2_000,),
        sampled=36,
        doubled=5_000,
        doubled_seeds=3,
        device="cuda",
    ),
}
"""`cpu`: about two hours of one core. `gpu`: the paper's 24 LIVs, narrower."""


# Baselines ----------------------------------------------------------------------------


def header(size: Size, name: str) -> str:
    """The model block of every text here."""
    numbers = f"width = {size.width}; vocab = 256; context = {size.context}"
    return f"model {name} {{ {numbers} }}\n"


@cache
def baseline(name: str, size: Size) -> str:
    """As text, with as many parameters as Transformer++: `hidden` makes up for it."""
    if name == "transformer_pp":
        return _text(name, size, "GMemless")
    wanted = counted(baseline("transformer_pp", size)).params_without_embeddings
    low, high = 1, 16 * size.width
    while low < high:  # the most channels that stay below
        middle = (low + high + 1) // 2
        found = counted(_text(name, size, f"GMemless(hidden = {middle})"))
        if found.params_without_embeddings > wanted:
            high = middle - 1
        else:
            low = middle
    return _text(name, size, f"GMemless(hidden = {low})")


def _text(name: str, size: Size, memoryless: str) -> str:
    livs = "; ".join(f"{one}; {memoryless}" for one in mixers(name, size.depth // 2))
    program = f"{header(size, name)}backbone {{ {livs} }}"
    return unparse(parse(Source(name, program), Problems()))


def mixers(name: str, count: int) -> list[str]:
    """What stands before each GMemless of a baseline."""
    if name == "mamba2_hybrid":  # one attention in four: its hybrids have few
        return ["SA-1" if at % 4 == 2 else "SSD" for at in range(count)]
    known = {"striped_mamba": "striped_hybrid", "lfm2_like": "lfm2"}
    genome, classes = seeds.named(known.get(name, name), 2 * count), published()
    return [classes[code].name for code, *_ in genome[::2]]


@cache
def counted(text: str, context: int = 0) -> Costs:
    """Static costs of a .star text at `context` tokens, 0: the model's own."""
    model = passes.run(compiler.to_ir(Source("<study>", text)))
    return costs(model, context or model.context, DTYPE_BYTES)


# The search ---------------------------------------------------------------------------

QUALITY, CACHE, SIZE = "bits_per_byte", "cache", "params_without_embeddings"


@cache
def search(size: Size, seed: int) -> Spec:
    """One of the searches: with no more parameters than the baselines have."""
    most = counted(baseline("transformer_pp", size)).params_without_embeddings
    recipe = f"""real(steps = {size.steps}, batch = {size.batch},
      context = {size.window}, lr = {size.rate}, warmup = {warmup(size.steps)},
      device = {size.device})"""
    text = f"""{header(size, "searched")}
    search {{
      pool = [{POOL}]; depth = {size.depth}; seed = {seed}
      population = {size.population}; generations = {size.generations}
      algorithm = nsga2(surrogate = true)
      trainer = {"simulated" if size.simulated else recipe}
      require {SIZE} <= {most}
      minimize {QUALITY}, {CACHE}, {SIZE}
    }}"""
    problems = Problems()
    found = read(text, problems)
    problems.check()
    assert found is not None
    return found


def warmup(steps: int) -> int:
    return max(1, steps // 20)
