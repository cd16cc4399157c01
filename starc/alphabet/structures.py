"""The words for the five choices of an operator genome, with the paper's digits."""

from starc.values import dataclass


@dataclass(frozen=True)
class Structure:
    """One value of a choice. `digit`: None where the published genome has no number.

    arguments: the options of the operator that may be said with it, as in
    `banded(window = 1024)`. required: the one that must be.
    """

    word: str
    digit: int | None
    meaning: str
    arguments: tuple[str, ...] = ()
    required: str = ""


def _table(*rows: Structure) -> dict[str, Structure]:
    return {row.word: row for row in rows}


TOKEN = _table(
    Structure("diagonal", 1, "T_ij = 0 unless i = j: tokens do not mix"),
    Structure("low_rank", 2, "T_ij from c_i . b_j: every earlier token is seen"),
    Structure("toeplitz", 3, "T_ij = c_i K_{i-j} b_j: scaled Toeplitz, a convolution"),
    Structure(
        "semi_separable", 4, "T_ij = c_i A_{i-1} ... A_{j+1} b_j: a linear recurrence"
    ),
)

SPARSITY = _table(
    Structure("none", 1, "all of T_ij with j <= i"),
    Structure("banded", 2, "T_ij = 0 for i - j >= window", ("window",)),
    Structure(
        "routed",
        None,
        "T_ii = 0 but for the channels of the experts that x_i chooses",
        ("experts", "top"),
    ),
)

NONLINEAR = _table(
    Structure("none", 1, "T is as the token mixing says"),
    Structure("softmax", 2, "softmax over j"),
    Structure("relu", 3, "ReLU of each entry"),
    Structure("silu", 4, "swish of each entry: u sigmoid(u)"),
    Structure("relu2", None, "the square of ReLU of each entry"),
    Structure("gelu", None, "GELU of each entry, tanh form"),
    Structure("gelu_erf", None, "GELU of each entry, by the error function"),
    Structure("sigmoid", None, "sigmoid of each entry"),
)

CHANNEL = _table(
    Structure("diagonal", 1, "a channel meets only itself"),
    Structure("dense", 2, "every channel meets every other"),
    Structure(
        "grouped",
        3,
        "channels of one head meet",
        ("heads", "kv_heads", "head_dim", "groups", "blocks"),
    ),
)

FEATURIZER_TOKEN = _table(
    Structure("diagonal", 1, "each token's features are its own"),
    Structure(
        "toeplitz",
        3,
        "then a short causal depthwise convolution",
        ("kernel",),
        "kernel",
    ),
    Structure(
        "shift", None, "of a mixture of the token and the one before, by channels"
    ),
)

FEATURIZER_NONLINEAR = _table(
    Structure("none", 1, "features are linear in the input"),
    Structure("relu", 3, "ReLU of q and k"),
    Structure("silu", 4, "swish of q and k, of v too for a delta rule"),
    Structure("elu", None, "elu + 1 of q and k, positive everywhere"),
    Structure("sigmoid", None, "sigmoid of the gate of a recurrence"),
)

FEATURIZER_CHANNEL = _table(
    Structure("dense", 2, "a full matrix from the input's channels to the group's"),
    Structure(
        "latent",
        None,
        "a matrix of low rank: `rank` channels, of which the group is made",
        ("rank",),
    ),
)

FILTER = _table(
    Structure("none", None, "the operator has no filter"),
    Structure("explicit", None, "each tap is a parameter", ("kernel",), "kernel"),
    Structure(
        "implicit",
        None,
        "a small network of the position gives the taps",
        ("order", "frequencies"),
    ),
)

SYNONYMS = {"swish": "silu"}
"""Other spellings that mean the same."""
