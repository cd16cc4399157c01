"""Rotary positions of heads as the emitted file shows them."""

from starc.backend.emission import Argument
from starc.ir.rope import Rope


def rotation_options(rope: Rope | None, head_dim: int) -> dict[str, bool | str]:
    rope = rope or Rope(0.0, head_dim)
    return {
        "partial": rope.dims != head_dim,
        "plain": rope.plain,
        "spread": rope.spread > 0,
        "adjacent": rope.adjacent,
        "amplitude": rope.amplitude != 1,
        "scaling": rope.scaling.kind if rope.scaling else "",
    }


def rotation_arguments(rope: Rope | None, head_dim: int) -> list[Argument]:
    if rope is None:
        return []
    found = [Argument("theta", "float", rope.theta, "base of the rotary frequencies")]
    if rope.dims != head_dim:
        dims = "channels of a head that rotate"
        found.append(Argument("rotary_dims", "int", rope.dims, dims))
    if rope.amplitude != 1:
        amplitude = "factor of q and k beside the rotation"
        found.append(Argument("amplitude", "float", rope.amplitude, amplitude))
    s = rope.scaling
    if s is None:
        return found
    longer = "by which rotations are slower"
    found.append(Argument("factor", "float", s.factor, longer))
    if s.kind == "yarn":
        first, last = rope.ramp
        start = f"a pair of {s.fast:g} turns in {s.context:,} tokens: as in training"
        found.append(Argument("ramp_start", "float", first, start))
        end = f"a pair of {s.slow:g}: slower by the factor"
        found.append(Argument("ramp_end", "float", last, end))
    if s.kind == "llama3":
        tokens = "tokens of a sequence in which turns are counted"
        found.append(Argument("trained", "int", s.context, tokens))
        slow = "a pair of fewer turns is slower by the factor"
        found.append(Argument("slow", "float", s.slow, slow))
        found.append(Argument("fast", "float", s.fast, "a pair of more stays"))
    return found


def rotation_functions(rope: Rope | None) -> tuple[str, ...]:
    if rope is None or rope.plain:
        return ()
    scaling = rope.scaling.kind if rope.scaling else ""
    return (
        "rotary_frequencies",
        *((f"{scaling}_frequencies",) if scaling in ("llama3", "yarn") else ()),
        "turn_neighbours" if rope.adjacent else "turn_halves",
    )


def rotation_words(rope: Rope | None) -> str:
    if rope is None:
        return "no rotation"
    return (
        f"rotary positions ({rope.scaling.kind})"
        if rope.scaling
        else "rotary positions"
    )
