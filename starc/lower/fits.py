"""Whether two LIVs are alike enough to share, and what differs where they are not."""

from dataclasses import fields, replace

from starc.ir.descriptions import number, residual_settings, said_none
from starc.ir.operator import Operator
from starc.ir.residual import AND_EMBEDDING, STREAM
from starc.ir.rope import Rope
from starc.lower.references import Shared
from starc.numerals import counted, numeral, written


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
    """The numbers that differ: `heads 16, not 12; window 1_024, not none`."""
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
            shown = _read if field.name == "reads" else _printed
            found.append(f"{name} {shown(a)}, not {shown(b)}")
    return "; ".join(found)


def other_feature(user: Shared, target: Shared, name: str) -> str:
    """What differs of the numbers that a feature group of both follows from, and of
    what else is done to it; "": it fits."""
    mine, theirs = user.operator, target.operator
    assert mine is not None and theirs is not None and user.liv is not None
    if mine == theirs:
        return ""
    group, names = mine.group(name), [field.name for field in fields(mine)]
    here = [n for n in names if getattr(mine, n) != getattr(theirs, n)]
    shaping = [n for n in here if group not in _with(mine, theirs, n).groups]
    taps = ["kernel"] if group.convolved else []
    fits = user.liv.template.fits[name]
    return differences(user, target, (*fits, *shaping, "shift", *taps))


def other_weights(user: Shared, target: Shared) -> str:
    """What differs of the numbers that the tensors of T(x) depend on; "": they fit.

    How these are used is each LIV's own affair: its window, its rotation.
    """
    mine, theirs = user.operator, target.operator
    assert mine is not None and theirs is not None
    if mine.featurizer == theirs.featurizer:
        return ""
    names = [field.name for field in fields(mine)]
    here = [n for n in names if getattr(mine, n) != getattr(theirs, n)]
    shaping = [n for n in here if _with(mine, theirs, n).featurizer != mine.featurizer]
    return differences(user, target, tuple(shaping or here))


def _with(operator: Operator, other: Operator, name: str) -> Operator:
    """`operator` with one number of the other's."""
    return replace(operator, **{name: getattr(other, name)})


def other_residual(user: Shared, target: Shared) -> str:
    """What differs around the two: `placement post, not pre`."""
    mine, theirs = user.residual, target.residual
    if mine is None or theirs is None:
        return ""
    others = residual_settings(theirs)
    return "; ".join(
        f"{name} {number(value)}, not {number(others[name])}"
        for name, value in residual_settings(mine).items()
        if value != others[name]
    )


_PLAIN = {"inner": "channels", "rope": "positions", "reads": "input"}
"""Fields that are not what an option says, but what follows from it."""


def _read(channels: int) -> str:
    return AND_EMBEDDING if channels else STREAM


def _printed(value: object) -> str:
    value = said_none(value)
    if value is None:
        return "none"
    if not isinstance(value, Rope):
        return written(value)
    more = "" if value.plain else f", {number(value)}"
    turned = counted(value.dims, "channel")
    return f"rope(theta = {numeral(value.theta)}) on {turned}{more}"
