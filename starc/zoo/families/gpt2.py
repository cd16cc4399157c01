"""GPT-2: learned positions, and weights that stand transposed."""

from starc.zoo.family import Family, Part, every_layer
from starc.zoo.field import (
    flag,
    ignored,
    in_training,
    number,
    only,
    same_as,
    whole,
    word,
)
from starc.zoo.seen import or_one
from starc.zoo.shared import PLAIN, depth
from starc.zoo.tensor import transposed
from starc.zoo.values import Values
from starc.zoo.values import word as said


def _four_times(values: Values) -> int:
    return 4 * int(values["n_embd"])


ATTN = Part(
    "attn",
    "attention",
    {
        "ln_1.*": "norm.*",
        "attn.c_attn.weight": transposed("q.weight k.weight v.weight"),
        "attn.c_attn.bias": "q.bias k.bias v.bias",
        "attn.c_proj.weight": transposed("out.weight"),
        "attn.c_proj.bias": "out.bias",
    },
)
MLP = Part(
    "mlp",
    "MLP",
    {
        "ln_2.*": "norm.*",
        "mlp.c_fc.weight": transposed("up.weight"),
        "mlp.c_fc.bias": "up.bias",
        "mlp.c_proj.weight": transposed("out.weight"),
        "mlp.c_proj.bias": "out.bias",
    },
)
_DROPOUTS = ("resid_pdrop", "embd_pdrop", "attn_pdrop")
_SUMMARY = dict.fromkeys(
    (
        *("summary_type", "summary_use_proj", "summary_activation"),
        *("summary_proj_to_labels", "summary_first_dropout"),
    ),
    ignored("of a head that is no language model's"),
)

FAMILY = Family(
    name="gpt2",
    title="GPT-2",
    architecture="GPT2LMHeadModel",
    fields={
        "vocab_size": whole(50_257, "model.vocab"),
        "n_embd": whole(768, "model.width", high=131_072),
        "n_layer": depth(12),
        "n_positions": whole(1024, "model.context"),
        "n_head": whole(12, "attn.heads", high=4096, seen=or_one("attn.heads")),
        "n_inner": whole(_four_times, "mlp.hidden", null=_four_times, high=2**22),
        "activation_function": word("gelu_new", PLAIN, "mlp.activation"),
        "layer_norm_epsilon": number(1e-5, "model.eps"),
        "tie_word_embeddings": flag(True, "model.tied"),
        "n_ctx": ignored("n_positions says it"),
        "scale_attn_weights": only(True),
        "scale_attn_by_inverse_layer_idx": only(False),
        "reorder_and_upcast_attn": ignored("how it is computed, not what"),
        **{name: in_training(0.1) for name in _DROPOUTS},
        **_SUMMARY,
    },
    always={
        "model.norm": "layer",
        "model.positions": said("learned"),
        "attn.kv_heads": same_as("n_head"),
        **dict.fromkeys(
            ("attn.bias", "attn.out_bias", "mlp.bias", "mlp.out_bias"), True
        ),
    },
    kinds={"layer": (ATTN, MLP)},
    layers=every_layer("n_layer"),
    names={
        "transformer.wte.weight": "embedding.weight",
        "transformer.wpe.weight": "positions.weight",
        "transformer.ln_f.*": "norm.*",
        "lm_head.weight": "head.weight",
    },
    prefix="transformer.h.{}.",
    unused={
        "transformer.h.*.attn.bias": "the causal mask",
        "transformer.h.*.attn.masked_bias": "of the causal mask",
    },
)
