"""OLMo 3: OLMo 2 with a window in three layers of four."""

from dataclasses import replace

from starc.zoo.families.olmo2 import ALWAYS, ATTN, FEED_FORWARD, FIELDS
from starc.zoo.family import Family
from starc.zoo.field import whole
from starc.zoo.kinds import FULL, SLIDING, every, layer_types, windowed
from starc.zoo.rope import by_type
from starc.zoo.shared import AROUND, UNUSED

LOCAL = replace(ATTN, alias="local", roles=("attn",))

FAMILY = Family(
    name="olmo3",
    title="OLMo 3",
    architecture="Olmo3ForCausalLM",
    fields={
        **FIELDS,
        "rope_parameters": by_type(
            {FULL: {"rope_theta": 5e5}, SLIDING: {"rope_theta": 5e5}}
        ),
        "sliding_window": whole(4096, "local.window", null=None),
        "layer_types": layer_types((FULL, SLIDING), every(4)),
    },
    always=ALWAYS,
    kinds={FULL: (ATTN, FEED_FORWARD), SLIDING: (LOCAL, FEED_FORWARD)},
    layers=windowed,
    names=AROUND,
    unused=UNUSED,
)
