"""The Jinja templates. They hold text, and choose by what the plan says."""

from functools import cache, lru_cache

from jinja2 import BaseLoader, Environment, StrictUndefined, Template, TemplateNotFound

from starc import resources

FILE = ("model.py.j2", "sequences.py.j2", "generate.py.j2")
"""Of the emitted file; the first has the others in it."""


class _Resources(BaseLoader):
    def get_source(self, environment: Environment, template: str):  # type: ignore[no-untyped-def]
        try:
            return resources.read("templates", template), template, lambda: True
        except FileNotFoundError as error:
            raise TemplateNotFound(template) from error


@lru_cache(maxsize=1)
def environment() -> Environment:
    return Environment(
        loader=_Resources(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )


@cache
def source(name: str) -> str:
    """A template as it is written."""
    return resources.read("templates", name)


@cache
def _template(name: str) -> Template:
    return environment().get_template(name)


def has_block(template: str, name: str) -> bool:
    """Whether an operator's template has a block of this name."""
    return name in _template(f"operators/{template}.py.j2").blocks


def block(template: str, name: str, context: dict[str, object]) -> list[str]:
    """The lines of one block of an operator's template; none if there is none."""
    found = _template(f"operators/{template}.py.j2")
    if name not in found.blocks:
        return []
    text = "".join(found.blocks[name](found.new_context(context)))
    return text.strip("\n").split("\n") if text.strip() else []


def render(template: str, context: dict[str, object]) -> str:
    return _template(template).render(context)
