"""Public families that have no table yet, and what is in the way."""

_EXPERTS = "mixture of experts"
_LATENT = "latent attention"

MISSING = {
    "afmoe": _EXPERTS,
    "apertus": "xIELU",
    "bailing_hybrid": f"delta rule of Kimi, {_LATENT}, {_EXPERTS}",
    "dbrx": f"clipped q, k and v, {_EXPERTS}",
    "deepseek_v32": f"{_LATENT}, sparse index attention, {_EXPERTS}",
    "deepseek_v4": f"compressed attention, hyper-connections, {_EXPERTS}",
    "doge": "a learned mask of keys, product-key experts",
    "ernie4_5_moe": _EXPERTS,
    "gemma3n": "AltUp, LAuReL, per-layer embeddings, top-k activation",
    "gemma4": "per-layer embeddings, a norm of v",
    "glm4_moe_lite": f"{_LATENT}, {_EXPERTS}",
    "glm_moe_dsa": f"{_LATENT}, sparse index attention, {_EXPERTS}",
    "granitemoe": _EXPERTS,
    "inkling": "learned relative biases, block attention residuals",
    "jetmoe": _EXPERTS,
    "llama4": _EXPERTS,
    "longcat_flash": "two LIVs beside experts, experts that change nothing",
    "minicpm3": _LATENT,
    "minimax": "linear attention with fixed decays, a stream normed in every layer",
    "mpt": "slopes of ALiBi that start elsewhere, clipped q, k and v",
    "qwen4_exp": "delta rule, sparse index attention, gated residual streams",
    "rwkv": "token shift, WKV",
    "xlstm": "matrix memory with exponential gates",
    "zamba": "b, c and dt by heads in Mamba-1, attention on two streams",
    "zaya": f"convolutional compressed attention, {_EXPERTS}",
}
"""By `model_type`."""
