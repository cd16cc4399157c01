"""The pipeline: from the IR as written to the IR as it is to be computed."""

from collections.abc import Callable, Container, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

from starc.choices import OPTIONAL_PASSES
from starc.diagnostics import did_you_mean
from starc.ir.nodes import Model, Written
from starc.ir.verify import InternalError, verify
from starc.passes.expand import expand
from starc.passes.fuse import fuse
from starc.passes.prune import prune
from starc.passes.resolve import resolve
from starc.passes.share_features import share_features
from starc.passes.share_weights import share_weights


class Pass(NamedTuple):
    """A step; `why` says what it is for. The first takes what is Written."""

    name: str
    function: Callable[[Any], Model]
    why: str

    @property
    def required(self) -> bool:
        """The later stages cannot do without it."""
        return self.name not in OPTIONAL_PASSES


PIPELINE: tuple[Pass, ...] = (
    Pass("expand", expand, "write loops out: every LIV gets its name"),
    Pass("resolve", resolve, "say of every feature where it comes from"),
    Pass("share_features", share_features, "take over features computed before"),
    Pass("share_weights", share_weights, "keep weights that several LIVs use once"),
    Pass("prune", prune, "unwrap parallels of one branch"),
    Pass("fuse", fuse, "one multiplication for features that are read alike"),
)


def run(written: Written, without: AbstractSet[str] = frozenset()) -> Model:
    """The model after all passes but those named in `without`, verified.

    Leaving one out never changes what the model computes. Raises ValueError if
    `without` names no pass, or one that is required.
    """
    check_names(without)
    steps = [step for step in PIPELINE if step.name not in without]
    try:
        return run_steps(steps, written, steps[-1:])
    except InternalError:
        run_steps(steps, written, steps)  # the first that is wrong is at fault
        raise


def run_steps(
    steps: Sequence[Pass], written: Written, verified: Container[Pass]
) -> Model:
    """What these steps make of it. Raises InternalError, with the name of the step,
    where what one of `verified` made is no model of its phase."""
    model: Any = written
    for step in steps:
        model = step.function(model)
        if step in verified:
            verify(model, step.name)
    found: Model = model
    return found


def check_names(names: AbstractSet[str]) -> None:
    """Raises ValueError, in words for the user, unless all may be left out."""
    for name in sorted(names):
        if name in OPTIONAL_PASSES:
            continue
        if any(step.name == name for step in PIPELINE):
            problem = f"the pass {name} cannot be left out"
        else:
            hint = did_you_mean(name, OPTIONAL_PASSES)
            problem = f"no pass is named {name}" + (f"; {hint}" if hint else "")
        raise ValueError(f"{problem} (optional: {', '.join(OPTIONAL_PASSES)})")
