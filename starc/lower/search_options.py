"""What the search block may say, a row each: the one list that there is."""

from fractions import Fraction

from starc.alphabet.option import Option
from starc.choices import ALGORITHMS, VARIATIONS
from starc.lower.model import MODEL_OPTIONS

SEEDS = ("transformer_pp", "striped_hybrid", "lfm2", "backbone")
"""Named members of the first population; `backbone` is the file's own."""

MOST_LIVS = 2_000  # their text, labels and all, fits a .star file with room to spare

PLAIN = (
    Option("population", "whole", "candidates that survive a generation", 16, high=1e5),
    Option("generations", "whole", "rounds of selection", 18, high=1e6),
    Option(
        "algorithm", "word", "how survivors are chosen", "nsga2", choices=ALGORITHMS
    ),
    Option(
        "tournament", "whole", "candidates that compete to be a parent", 2, high=100
    ),
    Option("variation", "word", "how children are made", "inherit", choices=VARIATIONS),
    Option(
        "crossover",
        "whole",
        "cuts of a crossover",
        derived="a quarter as many as LIVs; of `paper` 2",
        low=0,
        high=MOST_LIVS,
    ),
    Option(
        "blocks",
        "flag",
        "whether half of the children take a motif of the population as a block",
        False,
    ),
    Option(
        "mutation",
        "number",
        "probability that a gene is drawn again",
        derived="1 / LIVs; of `paper` 0.1",
        low=0,
        high=1,
    ),
    Option(
        "elitism",
        "whole",
        "best candidates that survive in any case",
        2,
        low=0,
        high=1e5,
    ),
    Option("repair", "flag", "whether illegal genes are drawn again", True),
    Option(
        "labels",
        "whole",
        "sharing labels go from 1 to this; with 0 nothing is shared",
        4,
        low=0,
        high=1e4,
    ),
    Option("seed", "whole", "of all that is random", 0, low=0, high=2**53),
    Option("evaluations", "whole", "budget: candidates that are measured", 0, high=1e9),
    Option("minutes", "number", "budget: of the clock", 0, low=1e-3, high=1e7),
)
"""One value each."""

_MODEL = {option.name: option for option in MODEL_OPTIONS}
GENES = {
    name: _MODEL[name]
    for name in (
        *("width", "placement", "norm", "positions", "embedding_norm", "streams"),
        *("residual_scale", "skip_scale", "embedding_scale", "logit_scale"),
    )
}
"""Settings of the model block that a search may choose: a list of their values."""

POOL = Option("pool", "word", "the LIVs that a search may use")
DEPTH = Option("depth", "whole", "LIVs of a candidate", high=MOST_LIVS)
SEED = Option("seeds", "word", "named first members", choices=SEEDS)
OPEN = Option("open", "word", "LIVs with lists of values, each of which is tried")
SETTINGS = (
    *("pool", "depth", "seeds", "open", "trainer"),
    *(option.name for option in PLAIN),
    *GENES,
)

LEARNING_RATE = Option("lr", "number", "tried in turn", low=1e-9, high=10)
RUNG = Option("rungs", "number", "shares of the steps, up to 1", low=1e-6, high=1)
LISTS = {"lr": LEARNING_RATE, "rungs": RUNG}
"""Of the trainer: one number or a list."""

TRAINER = (
    Option("steps", "whole", "of a full training", 200, high=1e9),
    Option("batch", "whole", "sequences a step", 16, high=1e6),
    Option("context", "whole", "tokens of a sequence", 256, low=2, high=2**24),
    LEARNING_RATE,
    Option(
        "base_width", "whole", "width that lr is meant for", 0, high=131_072, none=True
    ),
    Option("warmup", "whole", "steps up to the peak of lr", 20, low=0, high=1e9),
    Option("weight_decay", "number", "of AdamW", Fraction(1, 10), low=0, high=10),
    Option("seed", "whole", "of weights and data order", 0, low=0, high=2**53),
    RUNG,
    Option(
        "keep", "number", "share that goes on at a rung", Fraction(1, 2), low=0, high=1
    ),
    Option(
        "dtype",
        "word",
        "auto: bfloat16 where it is fast",
        "auto",
        choices=("auto", "float32", "bfloat16"),
    ),
    Option("compile", "flag", "use torch.compile", False),
    Option("device", "word", "by default the best", choices=("cpu", "cuda", "mps")),
    Option(
        "time_limit",
        "number",
        "seconds for one evaluation",
        0,
        low=1e-3,
        high=1e9,
        none=True,
    ),
    Option(
        "memory_limit",
        "whole",
        "bytes for one evaluation",
        0,
        low=1e6,
        high=1e15,
        none=True,
    ),
    Option("mad_steps", "whole", "of each MAD task", 200, high=1e9),
    Option(
        "rivals",
        "word",
        "whom a rung compares with",
        "generation",
        choices=("generation", "all"),
    ),
    Option("inherit", "flag", "start from the parents' tensors", False),
    Option(
        "repeat",
        "whole",
        "one candidate in so many is trained twice, for the noise",
        0,
        high=1e6,
        none=True,
    ),
)
SIMULATED = ("rungs", "keep", "rivals", "repeat")
TRAINERS = {
    "real": {o.name: o for o in TRAINER},
    "simulated": {o.name: o for o in TRAINER if o.name in SIMULATED},
}
SURROGATE = Option(
    "surrogate",
    "flag",
    "whether a model of the measures chooses among children",
    derived="true where a training is real, unless variation = paper",
)
WORDS: dict[str, dict[str, dict[str, Option]]] = {
    "algorithm": {
        name: {"surrogate": SURROGATE} if name == "nsga2" else {} for name in ALGORITHMS
    },
    "trainer": TRAINERS,
}
"""Settings whose words take arguments."""

TRAINER_KIND = Option("trainer", "word", "how losses are made", choices=tuple(TRAINERS))
