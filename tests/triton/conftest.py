"""The Triton kernels on CPU tensors, under Triton's interpreter.

Triton reads TRITON_INTERPRET when a kernel is defined, and STAR_KERNELS would put every
emitted model on these kernels, so this folder is tested by a process of its own:
`pytest tests/triton`, as `make test` does. Among other tests it is left out.

`make test` takes a sample, fixed in the files: each kernel, each kind of case, lengths
on both sides of a chunk's border, and for sm_90 its smallest tile. STAR_TEST_ALL=1, as
set by `make test-kernels`, takes all lengths, sizes, options and targets.

With STAR_TEST_DEVICE=cuda the same tests run on a GPU, compiled (`make gpu`): all, the
sample first; from STAR_TEST_UNTIL on, in seconds of the clock, those left are skipped.
"""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
DEVICE = os.environ.get("STAR_TEST_DEVICE", "cpu")
UNTIL = float(os.environ.get("STAR_TEST_UNTIL", "inf"))


def _alone(config: pytest.Config) -> bool:
    paths = [Path(arg.split("::")[0]).resolve() for arg in config.args]
    return all(path.is_relative_to(FOLDER) for path in paths)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "some: left out of `make test`")
    config.addinivalue_line("markers", "xdist_group: where there is no pytest-xdist")
    if not _alone(config):
        return
    if DEVICE == "cpu":
        os.environ["TRITON_INTERPRET"] = "1"
        os.environ["STAR_KERNELS"] = "interpret"
        from tests.triton import interpreter  # noqa: F401  repairs what is needed


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    return None if _alone(config) else True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if DEVICE != "cpu":
        items.sort(key=lambda item: item.get_closest_marker("some") is not None)
    elif os.environ.get("STAR_TEST_ALL") != "1":
        for item in items:
            if item.get_closest_marker("some"):
                item.add_marker(pytest.mark.skip(reason="left to make test-kernels"))


def pytest_runtest_setup() -> None:
    if time.time() > UNTIL:
        pytest.skip("no time left in this call")


@pytest.fixture(autouse=DEVICE != "cpu")
def usable() -> Iterator[None]:
    """A kernel that broke this process's hold on the GPU ends it, not all later tests:
    pytest-xdist names the test, and starts another worker."""
    yield
    import torch

    try:
        torch.cuda.synchronize()
    except RuntimeError as problem:
        print(problem, file=sys.stderr, flush=True)
        os._exit(3)
