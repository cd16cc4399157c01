"""Falcon Mamba: Mamba with norms of b, c and dt that have no weights."""

from dataclasses import replace

from starc.zoo.families.mamba import FAMILY as MAMBA
from starc.zoo.field import number

FAMILY = replace(
    MAMBA,
    name="falcon_mamba",
    title="Falcon Mamba",
    architecture="FalconMambaForCausalLM",
    fields={**MAMBA.fields, "mixer_rms_eps": number(1e-6, "mamba.norm_eps")},
    always={**MAMBA.always, "mamba.norms": "weightless"},
)
