"""BLOOM: scores that fall with the distance, and a norm of the embeddings."""

from starc.zoo.family import Family, Part, every_layer
from starc.zoo.field import also, flag, ignored, in_training, number, only, whole
from starc.zoo.seen import or_one
from starc.zoo.shared import depth
from starc.zoo.tensor import by_head
from starc.zoo.values import Values
from starc.zoo.values import word as said

ATTN = Part(
    "attn",
    "attention",
    {
        "input_layernorm.*": "norm.*",
        "self_attention.query_key_value.*": by_head("q.* k.* v.*", "n_head"),
        "self_attention.dense.*": "out.*",
    },
)
MLP = Part(
    "mlp",
    "MLP",
    {
        "post_attention_layernorm.*": "norm.*",
        "mlp.dense_h_to_4h.*": "up.*",
        "mlp.dense_4h_to_h.*": "out.*",
    },
)


def _hidden(values: Values) -> int:
    return 4 * int(values["hidden_size"])


FAMILY = Family(
    name="bloom",
    title="BLOOM",
    architecture="BloomForCausalLM",
    fields={
        "vocab_size": whole(250_880, "model.vocab"),
        "hidden_size": also(whole(64, "model.width", high=131_072), "n_embed"),
        "n_layer": also(depth(2), "num_hidden_layers"),
        "n_head": also(
            whole(8, "attn.heads", high=4096, seen=or_one("attn.heads")),
            "num_attention_heads",
        ),
        "layer_norm_epsilon": number(1e-5, "model.eps"),
        "tie_word_embeddings": flag(True, "model.tied"),
        "seq_length": whole(2048, "model.context"),
        "apply_residual_connection_post_layernorm": only(False),
        "hidden_dropout": in_training(),
        "attention_dropout": in_training(),
        **dict.fromkeys(
            (
                *("pretraining_tp", "slow_but_exact", "masked_softmax_fusion"),
                *("attention_softmax_in_fp32", "bias_dropout_fusion", "n_inner"),
                *("offset_alibi", "skip_bias_add", "skip_bias_add_qkv"),
            ),
            ignored("how it is computed, not what"),
        ),
        "unk_token_id": ignored("of the text"),
    },
    always={
        "model.norm": "layer",
        "model.positions": said("alibi"),
        "model.embedding_norm": "layer",
        "attn.kv_heads": lambda values: values["n_head"],
        "mlp.hidden": _hidden,
        **dict.fromkeys(
            ("attn.bias", "attn.out_bias", "mlp.bias", "mlp.out_bias"), True
        ),
    },
    kinds={"layer": (ATTN, MLP)},
    layers=every_layer("n_layer"),
    names={
        "transformer.word_embeddings.weight": "embedding.weight",
        "transformer.word_embeddings_layernorm.*": "embedding_norm.*",
        "transformer.ln_f.*": "norm.*",
        "lm_head.weight": "head.weight",
    },
    prefix="transformer.h.{}.",
)
