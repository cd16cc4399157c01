"""Whether two LIVs are alike enough to share, and what differs where they are not."""

from dataclasses import fields

from starc.alphabet.settings import show
from starc.ir.descriptions import number
from starc.ir.rope import Rope
from starc.lower.references import Shared


def two_kinds(user: Shared, target: Shared) -> str:
    """Says so where the two are not of one kind."""
    assert user.operator is not None and target.operator is not None
    if user.operator.kind != target.operator.kind:
        assert user.liv is not None and target.liv is not None
        mine, theirs = user.liv.template.title, target.liv.template.title
        return f"{mine} cannot share with {theirs}"
    if user.differential != target.differential:
        single = target if user.differential else user
        return f"{single.name} is one LIV, the other a difference of two"
    return ""


def differences(
    user: Shared, target: Shared, only: tuple[str, ...] | None = None
) -> str:
    """The numbers that differ: `heads 16, not 12; window 1024, not none`."""
    mine, theirs = user.operator, target.operator
    assert mine is not None and theirs is not None and user.liv is not None
    if mine == theirs:
        return ""
    words = user.liv.template.option_of_field
    found: list[str] = []
    for field in fields(mine):
        a, b = getattr(mine, field.name), getattr(theirs, field.name)
        if isinstance(a, Rope) and isinstance(b, Rope) and a.theta == b.theta and found:
            continue  # they turn other channels because the heads are others
        if a != b and (only is None or field.name in only):
            name = _PLAIN.get(field.name) or words.get(field.name, field.name)
            found.append(f"{name} {_shown(a)}, not {_shown(b)}")
    return "; ".join(found)


def other_residual(user: Shared, target: Shared) -> str:
    """What differs around the two: `placement post, not pre`."""
    mine, theirs = user.residual, target.residual
    if mine is None or theirs is None:
        return ""
    found: list[str] = []
    if mine.placement != theirs.placement:
        found.append(f"placement {mine.placement}, not {theirs.placement}")
    if mine.scale != theirs.scale:
        found.append(f"residual_scale {mine.scale:g}, not {theirs.scale:g}")
    return "; ".join(found)


_PLAIN = {"inner": "channels", "rope": "positions"}
"""Fields that are not what an option says, but what follows from it."""


def _shown(value: object) -> str:
    if value in (None, ""):
        return "none"
    if isinstance(value, (bool, int, str)):
        return show(value)
    assert isinstance(value, Rope)
    plain = Rope(value.theta, value.dims)
    more = "" if value == plain else f", {number(value)}"
    return f"rope(theta = {value.theta:g}) on {value.dims} channels{more}"
