"""Public families that have no table yet, and what is in the way."""

ONLY_A_TABLE = "a table of names and fields; the language has words for all of it"

_SPARSE = "sparse index attention"
_CLIPPED = "clipped q, k and v"

_WITHOUT_WORDS: dict[str, tuple[str, ...]] = {
    "afmoe": (),
    "apertus": ("xIELU",),
    "bailing_hybrid": ("bounds of a channel's decay", "gates of latents' heads"),
    "dbrx": (_CLIPPED,),
    "deepseek_v32": (_SPARSE,),
    "deepseek_v4": (
        *("compressed memory", "streams mixed by doubly stochastic matrices"),
        "experts that a token's number chooses",
    ),
    "doge": ("a learned mask of keys", "product-key experts"),
    "ernie4_5_moe": (),
    "gemma4": ("a learned factor of the stream behind each layer",),
    "glm4_moe_lite": (),
    "glm_moe_dsa": (_SPARSE,),
    "granitemoe": (),
    "inkling2_text": (
        *("learned relative biases", "convolutions that the input makes"),
        "queries and keys of limited length",
    ),
    "inkling_text": ("learned relative biases", "convolutions of answers"),
    "jetmoe": ("heads that a token chooses",),
    "llama4": (
        *("attention within chunks", "queries scaled by their position"),
        "experts whose input is scaled",
    ),
    "longcat_flash": ("experts beside several LIVs in a row",),
    "minicpm3": (),
    "mpt": ("slopes of ALiBi that start elsewhere", _CLIPPED),
    "qwen4_exp": (_SPARSE, "gated residual streams", "embeddings of several tokens"),
    "rwkv": ("WKV", "an MLP whose answer is gated"),
    "zamba": ("b, c and dt by heads in Mamba-1", "attention on two streams"),
    "zaya": ("convolutions of q and k together", "a router that has a state"),
}
"""By `model_type`: what the language cannot say of it; (): nothing, it can be said."""

MISSING = {
    name: ", ".join(lacking) or ONLY_A_TABLE for name, lacking in _WITHOUT_WORDS.items()
}
"""By `model_type`, in a few words."""
