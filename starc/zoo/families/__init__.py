"""The list of families, and each by its name."""

from functools import cache
from importlib import import_module

from starc.zoo.family import Family

NAMES = (
    "bamba",
    "bloom",
    "cohere",
    "cohere2",
    "deepseek_v2",
    "deepseek_v3",
    "diffllama",
    "dots1",
    "exaone4",
    "falcon_h1",
    "falcon_mamba",
    "gemma",
    "gemma2",
    "gemma3_text",
    "gemma3n_text",
    "glm4_moe",
    "gpt2",
    "gpt_neox",
    "gpt_oss",
    "granite",
    "granite_swa",
    "granitemoehybrid",
    "helium",
    "jamba",
    "kimi_linear",
    "lfm2",
    "lfm2_moe",
    "lfm3",
    "llama",
    "mamba",
    "mamba2",
    "minimax",
    "mistral",
    "mixtral",
    "nanochat",
    "nemotron_h",
    "olmo2",
    "olmo3",
    "olmo_hybrid",
    "olmoe",
    "phi",
    "phi3",
    "phimoe",
    "qwen2",
    "qwen2_moe",
    "qwen3",
    "qwen3_5_text",
    "qwen3_moe",
    "qwen3_next",
    "recurrent_gemma",
    "seed_oss",
    "smollm3",
    "stablelm",
    "starcoder2",
    "xlstm",
    "zamba2",
)
"""By `model_type`: each is a file here."""


@cache
def family(name: str) -> Family:
    """The table of a family in NAMES."""
    found = import_module(f"starc.zoo.families.{name}").FAMILY
    assert isinstance(found, Family)
    return found
