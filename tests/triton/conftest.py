"""The Triton kernels on CPU tensors, under Triton's interpreter.

Triton reads TRITON_INTERPRET when a kernel is defined, and STAR_KERNELS would put every
emitted model on these kernels, so this folder is tested by a process of its own:
`pytest tests/triton`, as `make test` does. Among other tests it is left out.
With STAR_TEST_DEVICE=cuda the same tests run on a GPU, compiled (`make gpu`).

`make test` takes a sample, fixed in the files: each kernel, each kind of case, lengths
on both sides of a chunk's border, and on sm_90 each tile. STAR_TEST_ALL=1, as set by
`make test-kernels`, takes all lengths, sizes, options and targets.
"""

import os
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
sys.path[:0] = [str(FOLDER), str(FOLDER.parent / "kernels")]


def _alone(config: pytest.Config) -> bool:
    paths = [Path(arg.split("::")[0]).resolve() for arg in config.args]
    return all(path.is_relative_to(FOLDER) for path in paths)


def pytest_configure(config: pytest.Config) -> None:
    if not _alone(config):
        return
    if os.environ.get("STAR_TEST_DEVICE", "cpu") == "cpu":
        os.environ["TRITON_INTERPRET"] = "1"
        os.environ["STAR_KERNELS"] = "interpret"
        import interpreter  # noqa: F401  repairs what the tests need


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    return None if _alone(config) else True
