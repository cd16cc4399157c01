"""Everything that can be an objective or a requirement, and its unit."""

import math
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """By which distances between values are taken: in crowding and hypervolume.

    kind: "linear" where a difference is what counts, as of bits a byte, which are a
    logarithm already, or of shares of right answers. "log" where a ratio is: sizes,
    counts, times and rates, and perplexity. Those span decades, and from 640 bytes of
    cache to 7 kB is as much as from 64 kB to 700 kB, where a linear scale that holds
    1.3 MB sees nothing. Which of two values is better is the same on both.

    grain: an amount that is nothing, in the unit of the measure.
    """

    kind: str = "linear"
    grain: float = 1.0

    def place(self, value: float) -> float:
        """Where a value stands. Of log: doublings, log2(1 + value / grain), so that 0
        bytes have a place too; a negated value, as of what is maximized, mirrored.
        """
        if self.kind == "linear":
            return value
        return math.copysign(math.log2(1 + abs(value) / self.grain), value)


LINEAR, LOG = Scale(), Scale("log")
OF_TIME = Scale("log", 1e-6)
"""In seconds: a microsecond is nothing."""


@dataclass(frozen=True)
class Measure:
    """direction: "min" or "max", what is better unless the search says otherwise.

    static: known from the text, without building the model. arguments: the names that
    it takes, as `cache(context = 8192)`; without them the model's own context counts.
    """

    name: str
    unit: str
    direction: str
    static: bool
    meaning: str
    arguments: tuple[str, ...] = ()
    scale: Scale = LINEAR


AT_CONTEXT = ("context",)
MAD_TASKS = (
    "in_context_recall",
    "fuzzy_recall",
    "noisy_recall",
    "selective_copying",
    "compression",
    "memorisation",
)
"""Of arXiv 2403.17844, in its order."""

_STATIC = (
    Measure(
        "params",
        "parameters",
        "min",
        True,
        "numbers in all tensors, embeddings too; shared tensors count once",
        scale=LOG,
    ),
    Measure(
        "active",
        "parameters",
        "min",
        True,
        "those of them that a token computes with: fewer where it chooses experts",
        scale=LOG,
    ),
    Measure(
        "params_without_embeddings",
        "parameters",
        "min",
        True,
        "as the paper counts: without embedding and head",
        scale=LOG,
    ),
    Measure(
        "cache",
        "bytes",
        "min",
        True,
        "what decoding keeps of one sequence of `context` tokens, 2 bytes a value, "
        "recurrent states 4; states of fixed size are counted",
        AT_CONTEXT,
        scale=LOG,
    ),
    Measure(
        "flops",
        "FLOPs a token",
        "min",
        True,
        "of a forward pass over `context` tokens, head included; 2 a multiply-add",
        AT_CONTEXT,
        scale=LOG,
    ),
    Measure(
        "decode_flops",
        "FLOPs a token",
        "min",
        True,
        "of one more token after `context` - 1 in the cache",
        AT_CONTEXT,
        scale=LOG,
    ),
    Measure(
        "activation_memory",
        "bytes",
        "min",
        True,
        "estimate of what a training step keeps for its backward pass, for one "
        "sequence of `context` tokens: 2 bytes a value, logits 4",
        AT_CONTEXT,
        scale=LOG,
    ),
)

_QUALITY = (
    Measure(
        "loss", "nats a token", "min", False, "cross entropy on text held out of it"
    ),
    Measure("perplexity", "", "min", False, "e to the loss", scale=LOG),
    Measure(
        "bits_per_byte",
        "bits a byte",
        "min",
        False,
        "the loss in bits, for each byte of the text that the tokens stand for",
    ),
    Measure(
        "mad",
        "share of right answers",
        "max",
        False,
        "mean over the six MAD tasks, each trained from nothing",
    ),
    *(
        Measure(
            f"mad_{task}",
            "share of right answers",
            "max",
            False,
            f"the MAD task {task.replace('_', ' ')}",
        )
        for task in MAD_TASKS
    ),
)

_TIMED = (
    Measure(
        "time_to_first_token",
        "seconds",
        "min",
        False,
        "from a prompt of `context` tokens to the first new one, batch 1; median",
        AT_CONTEXT,
        scale=OF_TIME,
    ),
    Measure(
        "token_p50",
        "seconds",
        "min",
        False,
        "median time of a new token after `context` tokens, batch 1",
        AT_CONTEXT,
        scale=OF_TIME,
    ),
    Measure(
        "token_p95",
        "seconds",
        "min",
        False,
        "95th percentile of the time of a new token after `context` tokens, batch 1",
        AT_CONTEXT,
        scale=OF_TIME,
    ),
    Measure(
        "prefill_rate",
        "tokens a second",
        "max",
        False,
        "tokens of a prompt of `context` tokens read in a second, batch 1",
        AT_CONTEXT,
        scale=LOG,
    ),
    Measure(
        "train_rate",
        "tokens a second",
        "max",
        False,
        "tokens of the recipe's batches that training steps take in a second",
        scale=LOG,
    ),
    Measure(
        "peak_memory",
        "bytes",
        "min",
        False,
        "most that a model needs to read `context` tokens and write a few: weights, "
        "cache and what is in between; resident memory on a CPU, allocated on a GPU",
        AT_CONTEXT,
        scale=LOG,
    ),
)

MEASURES: dict[str, Measure] = {m.name: m for m in (*_STATIC, *_QUALITY, *_TIMED)}

SHORT = {"p50": "token_p50", "p95": "token_p95"}
"""Other names."""

TIMED = frozenset(m.name for m in _TIMED)
"""Those that differ from run to run, and with what else the machine does."""

_OWN = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def find(name: str) -> Measure | None:
    """The measure called `name`; for `module:function` one of the user's own.

    The user's own take any arguments, and state their unit and direction where the
    search does: the function is only imported by who evaluates. Their scale is linear.
    """
    if name in MEASURES:
        return MEASURES[name]
    if _OWN.fullmatch(name):
        return Measure(name, "its own unit", "min", False, f"the function {name}")
    return None
