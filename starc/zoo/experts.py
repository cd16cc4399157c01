"""What families with experts have in common."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from starc.artefacts import ArtefactError, integer
from starc.zoo.family import Beside, Part, Step
from starc.zoo.field import (
    Default,
    Field,
    also,
    flag,
    ignored,
    listed,
    number,
    whole,
    word,
)
from starc.zoo.kinds import FULL
from starc.zoo.seen import SILENT, Seen, or_one
from starc.zoo.shared import MLP, without_norm
from starc.zoo.tensor import Names
from starc.zoo.values import Values

DENSE, SPARSE = "dense", "sparse"

NAMES = "num_experts", "num_local_experts", "n_routed_experts"
"""Of the field that says how many experts there are."""

ACTIVATIONS = {
    "silu": "silu",
    "swish": "silu",
    "relu": "relu",
    "gelu_pytorch_tanh": "gelu",
    "gelu_new": "gelu",
    "gelu_fast": "gelu",
}
"""Those that experts have, by their words."""

MOE = Part(
    "moe",
    "MoE",
    {
        "post_attention_layernorm.weight": "norm.weight",
        "mlp.gate.weight": "router.weight",
        "mlp.gate.e_score_correction_bias": "balance",
        "mlp.experts.{}.gate_proj.weight": "gate.weight",
        "mlp.experts.{}.up_proj.weight": "up.weight",
        "mlp.experts.{}.down_proj.weight": "down_proj.weight",
    },
)
UNBALANCED = {"moe.balance": "none"}
"""Of models in which training moves no bias. A term of the loss is of training."""


def beside(
    moe: Part = MOE, module: str = "mlp.shared_experts", gate: str = ""
) -> Beside:
    """Experts, and one that all tokens share, on the same normed input.

    gate: the name of what multiplies all that the shared one gives, if anything does.
    """
    names: Names = {
        key.replace("mlp.", f"{module}."): ours
        for key, ours in without_norm(MLP).names.items()
    }
    shared = Part("shared", "glu", names, roles=("mlp",))
    if gate:
        names[f"mlp.{gate}.weight"] = "share.weight"
        shared = replace(shared, options={"share": True})
    bare = without_norm(moe)
    norm: Names = {k: v for k, v in moe.names.items() if k not in bare.names}
    return Beside((bare, shared), norm)


def of_experts(
    count: str,
    experts: Default,
    top: Default,
    hidden: int,
    normalised: bool | None = False,
) -> dict[str, Field]:
    """How many there are, and how a token takes them. normalised: None if the family
    has no field for it."""
    found: dict[str, Field] = {
        count: also(
            whole(experts, "moe.experts", high=65_536, seen=or_one("moe.experts")),
            *(name for name in NAMES if name != count),
        ),
        "num_experts_per_tok": whole(
            top, "moe.top", high=65_536, seen=or_one("moe.top")
        ),
        "moe_intermediate_size": whole(hidden, "moe.hidden", high=2**22),
        **IN_TRAINING,
    }
    if normalised is not None:
        found["norm_topk_prob"] = flag(normalised, "moe.normalised")
    return found


IN_TRAINING = dict.fromkeys(
    ("output_router_logits", "router_aux_loss_coef", "aux_loss_alpha", "seq_aux"),
    ignored("of the loss in training"),
)


def grouped(groups: int, keep: int, scale: float) -> dict[str, Field]:
    """Groups of experts, of which a token keeps some; and a factor of all."""
    return {
        "n_group": whole(groups, "moe.groups", null=1, high=65_536),
        "topk_group": whole(keep, "moe.keep", null=1, high=65_536),
        "routed_scaling_factor": number(scale, "moe.scale", low=1e-3, high=1e3),
    }


def missing(name: str) -> Callable[[Values], Any]:
    """The default of a field that has none: an error."""

    def default(values: Values) -> Any:
        raise ArtefactError(f"{name} is not there, and nothing follows for it")

    return default


def shared_experts(default: Default) -> dict[str, Field]:
    """Several that all tokens share are one, as wide as all of them."""

    def seen(seen: Seen) -> Any:
        wide = seen.at("shared.hidden")
        return 1 if wide is SILENT else max(wide // seen.at("moe.hidden"), 1)

    return {"n_shared_experts": whole(default, seen=seen)}


def shared_width(values: Values) -> int:
    return int(values["moe_intermediate_size"] * values["n_shared_experts"])


def activation(default: str = "silu") -> dict[str, Field]:
    """Of experts, and of layers without them."""
    return {
        "hidden_act": word(default, ACTIVATIONS, "mlp.activation", "moe.activation")
    }


FIRST_DENSE = "first_k_dense_replace"


def first_dense(default: int, name: str = FIRST_DENSE) -> dict[str, Field]:
    """Layers before the first with experts."""

    def seen(seen: Seen) -> int:
        sparse = [kind.endswith(SPARSE) for kind in seen.layers]
        return sparse.index(True) if True in sparse else len(sparse)

    return {name: whole(default, low=0, high=4096, seen=seen)}


def after_the_first(values: Values, name: str = FIRST_DENSE) -> list[str]:
    """The kinds of layers of `first_dense`, whatever their attention."""
    layers = values["num_hidden_layers"]
    return [DENSE if depth < values[name] else SPARSE for depth in range(layers)]


def sparse_steps() -> dict[str, Field]:
    """Qwen's: every so many layers have experts, but for those of a list."""

    def indices(found: Any, name: str) -> list[int]:
        return [integer(one, name, 0, 4096) for one in listed(found, name)]

    def seen(seen: Seen) -> list[int]:
        return [i for i, kind in enumerate(seen.layers) if kind.endswith(DENSE)]

    return {
        "decoder_sparse_step": whole(1, seen=lambda seen: 1),
        "mlp_only_layers": Field(
            indices, default=lambda values: [], null=lambda values: [], seen=seen
        ),
    }


def by_steps(values: Values) -> list[str]:
    """The kinds of layers of `sparse_steps`, whatever their attention."""
    step, dense = values["decoder_sparse_step"], values["mlp_only_layers"]
    return [
        DENSE if depth in dense or (depth + 1) % step else SPARSE
        for depth in range(values["num_hidden_layers"])
    ]


Kinds = dict[str, tuple[Step, ...]]


def kinds(mixers: Mapping[str, Step], sparse: Step, dense: Step | None = MLP) -> Kinds:
    """Each mixer with experts behind it, and, unless None, without: "MIXER sparse"."""
    found: Kinds = {}
    for name, mixer in mixers.items():
        found[f"{name} {SPARSE}"] = (mixer, sparse)
        if dense is not None:
            found[f"{name} {DENSE}"] = (mixer, dense)
    return found


def layers(
    which: Callable[[Values], Iterable[str]],
    mixers: Callable[[Values], Iterable[str]] | None = None,
) -> Callable[[Values], list[str]]:
    """The kinds of all layers; mixers: those of the layers, else attention."""

    def found(values: Values) -> list[str]:
        words = list(which(values))
        names = [FULL] * len(words) if mixers is None else list(mixers(values))
        return [f"{name} {word}" for name, word in zip(names, words, strict=True)]

    return found


def renamed_experts(module: str, names: tuple[str, str, str], router: str) -> Part:
    """The experts by other names: below `module`, (gate, up, down) of each."""
    gate, up, down = (f"{module}.experts.{{}}.{name}.weight" for name in names)
    return replace(
        MOE,
        names={
            "post_attention_layernorm.*": "norm.*",
            f"{module}.{router}": "router.weight",
            gate: "gate.weight",
            up: "up.weight",
            down: "down_proj.weight",
        },
    )
