"""What families with latent attention have in common."""

import math
from collections.abc import Mapping
from typing import Any

from starc.artefacts import real
from starc.values import dataclass
from starc.zoo.family import Part
from starc.zoo.field import Field, flag, ignored, same_as, shortest, whole
from starc.zoo.rope import Rope
from starc.zoo.seen import SILENT, Seen
from starc.zoo.values import Values

MLA = Part(
    "attn",
    "MLA",
    {
        "input_layernorm.weight": "norm.weight",
        "self_attn.q_proj.weight": "q.weight",
        "self_attn.kv_a_proj_with_mqa.*": "v.* k.*",
        "self_attn.kv_a_layernorm.weight": "v_norm",
        "self_attn.kv_b_proj.weight": "kv_weight",
        "self_attn.o_proj.*": "out.*",
    },
    options={"q_rank": None, "q_bias": False},
)
"""With queries of their own projection, which has no bias."""

LOW_MLA = Part(
    "attn",
    "MLA",
    {
        **{key: ours for key, ours in MLA.names.items() if ours != "q.weight"},
        "self_attn.q_a_proj.*": "q.*",
        "self_attn.q_a_layernorm.weight": "q_norm",
        "self_attn.q_b_proj.weight": "q_weight",
    },
)
"""With queries made of a latent too."""


def of_latents(
    heads: int, kv_heads: int | None, rank: int, q_rank: int | None
) -> dict[str, Field]:
    """The numbers of latent attention; head_dim is what they make together."""

    def own(seen: Seen) -> Any:
        whole = seen.at("attn.head_dim")
        return SILENT if whole is SILENT else whole - seen.at("attn.rope_dims")

    def low_queries(seen: Seen) -> Any:
        ranks = [getattr(one.liv.operator, "q_rank", 0) for one in seen.instances]
        return max(ranks, default=0) or None

    def alike(seen: Seen) -> Any:
        return seen.at("attn.heads")

    return {
        "num_attention_heads": whole(heads, "attn.heads", high=4096),
        "num_key_value_heads": whole(
            kv_heads or same_as("num_attention_heads"),
            null=same_as("num_attention_heads"),
            high=4096,
            seen=alike,
        ),
        "kv_lora_rank": whole(rank, "attn.rank", high=2**20),
        "q_lora_rank": whole(
            q_rank, "attn.q_rank", null=None, high=2**20, seen=low_queries
        ),
        "qk_nope_head_dim": whole(128, high=8192, seen=own),
        "qk_rope_head_dim": whole(64, "attn.rope_dims", high=8192),
        "v_head_dim": whole(128, "attn.value_dim", high=8192),
        "attention_bias": flag(False, "attn.bias", "attn.out_bias"),
        "head_dim": ignored("that of what rotates, which qk_rope_head_dim says"),
        "qk_head_dim": ignored("the sum of two other fields"),
    }


def head_dim(values: Values) -> int:
    return int(values["qk_nope_head_dim"] + values["qk_rope_head_dim"])


LATENT: Mapping[str, Any] = {"attn.head_dim": head_dim}


@dataclass(frozen=True)
class LatentRope(Rope):
    """The same with `mscale` and `mscale_all_dim` beside yarn's words: the second, of
    all channels, stands in the scale of the scores."""

    def read(
        self, name: str, given: Mapping[str, Any], values: Values
    ) -> dict[str, Any]:
        key = "rope_scaling" if given.get("rope_scaling") else name
        stated = given.get(key)
        if not isinstance(stated, dict):
            return self._plain(name, given, values)
        scales = {one: stated.get(one) for one in ("mscale", "mscale_all_dim")}
        rest = {one: value for one, value in stated.items() if one not in scales}
        words = self._plain(name, {**given, key: rest}, values)
        if words["scaling"] == "none":
            return words
        factor = float(words["factor"])
        each, every = (
            real(scales[one] or 0.0, f"{name}.{one}", 0, 1e3)
            for one in ("mscale", "mscale_all_dim")
        )
        if "amplitude" not in words and words["scaling"] == "yarn" and each and every:
            words["amplitude"] = _grown(factor, each) / _grown(factor, every)
        if every:
            words["all"] = _grown(factor, every)
        return words

    def _plain(
        self, name: str, given: Mapping[str, Any], values: Values
    ) -> dict[str, Any]:
        found = super().read(name, given, values)
        adjacent = values.get("rope_interleave", self.adjacent)
        return {**found, "pairs": "adjacent" if adjacent else "halves"}

    def settings(self, value: dict[str, Any], values: Values) -> dict[str, Any]:
        words = {key: one for key, one in value.items() if key != "all"}
        found = super().settings(words, values)
        if "all" in value:
            found["attn.scale"] = head_dim(values) ** -0.5 * value["all"] ** 2
        return found

    def back(self, seen: Seen) -> Any:
        """The scales are those that make the amplitude and the scale."""
        found = super().back(seen)
        scale = seen.at("attn.scale")
        if found is SILENT or scale in (SILENT, None):
            return found
        dims = seen.at("attn.head_dim")
        factor = found.get("factor", 1.0)
        if factor <= 1:
            return found

        def of(grown: float, fits: Any) -> float:
            return shortest((grown - 1) / (0.1 * math.log(factor)), fits)

        every = of(
            (scale * dims**0.5) ** 0.5,
            lambda one: dims**-0.5 * _grown(factor, one) ** 2 == scale,
        )
        found = {**found, "mscale_all_dim": every}
        amplitude = found.pop("attention_factor", None)
        if amplitude is not None:
            all_of = _grown(factor, every)
            found["mscale"] = of(
                amplitude * all_of,
                lambda one: _grown(factor, one) / all_of == amplitude,
            )
        return found


def _grown(factor: float, scale: float) -> float:
    return 0.1 * scale * math.log(factor) + 1.0 if factor > 1 else 1.0


def latent_rope() -> LatentRope:
    return LatentRope(lambda found, name: found, adjacent=True)


def interleaved() -> dict[str, Field]:
    """Whether neighbours turn together."""

    def seen(seen: Seen) -> Any:
        found = {rotation.adjacent for rotation, _ in seen.rotations()}
        return found.pop() if len(found) == 1 else SILENT

    return {"rope_interleave": flag(True, seen=seen)}
