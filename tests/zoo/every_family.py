"""Random configurations of every family."""

from tests.zoo import configurations, of_delta, of_experts

FAMILIES = {**configurations.FAMILIES, **of_experts.FAMILIES, **of_delta.FAMILIES}
