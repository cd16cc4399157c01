"""One seed for every test that samples."""

from random import Random

import pytest


@pytest.fixture
def random_source() -> Random:
    return Random(20241117)
