"""transformers copies remote code into a folder of its own: here never the user's."""

import os
from collections.abc import Iterator
from tempfile import mkdtemp

os.environ["HF_MODULES_CACHE"] = mkdtemp(prefix="starc-modules-")
os.environ["HF_HUB_OFFLINE"] = "1"

import pytest  # noqa: E402
import torch  # noqa: E402


@pytest.fixture(autouse=True, scope="package")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
