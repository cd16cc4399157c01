"""A disk that is full after so many bytes of a file."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def full_after(count: int, path: Path) -> Iterator[None]:
    """What is written has to fail, to name `path` or what is to be in it, and to leave
    nothing in the folder of `path`."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, before[1]))
    try:
        with pytest.raises(OSError, match="File too large") as raised:
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    named = Path(raised.value.filename)
    assert path in (named, *named.parents) and "/." not in str(named), named
    assert not [*path.parent.iterdir()]
