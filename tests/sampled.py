"""Cases of which `make test` takes some, and another target all."""

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def sampled(
    every: Iterable[Any], fast: Collection[Any], mark: Any = pytest.mark.slow
) -> list[Any]:
    """For parametrize: all of `every`, a tuple for several arguments; marked are those
    that are not `fast`."""
    return [
        (
            case
            if case in fast
            else pytest.param(
                *(case if isinstance(case, tuple) else (case,)), marks=mark
            )
        )
        for case in every
    ]
