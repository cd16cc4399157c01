"""Plan -> text of the emitted file."""

from starc.backend import templates
from starc.backend.plan import Plan
from starc.backend.tidy import tidy


def render(plan: Plan) -> str:
    """The file, formatted as black leaves it."""
    return tidy(templates.render(templates.FILE[0], {"plan": plan}))
