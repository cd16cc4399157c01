"""Random configurations of every family."""

from hypothesis import HealthCheck, Phase

from tests.zoo import configurations, of_delta, of_experts

FAMILIES = {**configurations.FAMILIES, **of_experts.FAMILIES, **of_delta.FAMILIES}

PHASES = (Phase.reuse, Phase.generate)
"""Small as they are, a failing configuration need not become smaller."""

SLOW = tuple(HealthCheck)
"""Models are built of what is drawn: that takes longer than hypothesis expects."""
