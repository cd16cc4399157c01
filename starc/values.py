"""`dataclass` as in the standard library, but cheap to define.

That one compiles six functions for every class. A process that compiles one file
defines ninety classes, and spent a third of its time there. This one compiles
`__init__`; the rest are closures over the names of the fields. It takes `frozen` and
`kw_only`, and gives what `fields`, `replace` and `asdict` take; to a type checker it is
the standard one. A class and its bases are all made here, or all there.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import MISSING, Field, FrozenInstanceError
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(cls=None, /, *, frozen=False, kw_only=False):
        """A decorator: `@dataclass`, or `@dataclass(frozen=True, kw_only=True)`."""
        fields_alone = dataclasses.dataclass(
            init=False, repr=False, eq=False, kw_only=kw_only
        )

        def make(cls):
            cls.__doc__ = cls.__doc__ or cls.__name__  # else it is made of a signature
            return _with_methods(fields_alone(cls), frozen)

        return make if cls is None else make(cls)


def _with_methods(cls: type[Any], frozen: bool) -> type[Any]:
    """Adds the methods that the class does not define itself."""
    fields = dataclasses.fields(cls)
    compared = _values_of([f.name for f in fields if f.compare])
    methods: dict[str, Any] = {
        "__init__": _init(fields, hasattr(cls, "__post_init__")),
        "__repr__": _repr([f.name for f in fields if f.repr]),
        "__eq__": lambda self, other: (
            compared(self) == compared(other)
            if self.__class__ is other.__class__
            else NotImplemented
        ),
    }
    if frozen:
        methods["__hash__"] = lambda self: hash(compared(self))
        methods["__setattr__"] = lambda self, name, value: _refuse("assign to", name)
        methods["__delattr__"] = lambda self, name: _refuse("delete", name)
    elif "__hash__" not in vars(cls):
        cls.__hash__ = None  # type: ignore[assignment]  # it may change
    for name, method in methods.items():
        if vars(cls).get(name) is None:
            method.__qualname__ = f"{cls.__qualname__}.{name}"
            setattr(cls, name, method)
    return cls


class _Made:
    """The default of what a factory makes, one for each call."""

    def __repr__(self) -> str:
        return "<factory>"


_MADE = _Made()


def _init(fields: tuple[Field[Any], ...], post: bool) -> Callable[..., None]:
    names: dict[str, Any] = {}  # between underscores: those that no field has
    types: dict[str, Any] = {}
    parameters, body = ["__self__"], ["__values__ = __self__.__dict__"]
    for field in sorted(fields, key=lambda f: bool(f.kw_only)):
        name = value = field.name
        default, make = f"__default_{name}__", f"__make_{name}__"
        if field.default_factory is not MISSING:
            names[default], names[make] = _MADE, field.default_factory
            value = f"{make}() if {name} is {default} else {name}"
        elif field.default is not MISSING:
            names[default] = field.default
        if not field.init:
            body += [f"__values__[{name!r}] = {make}()"] * (value != name)
            continue
        types[name] = field.type
        if field.kw_only and "*" not in parameters:
            parameters.append("*")
        parameters.append(f"{name}={default}" if default in names else name)
        body.append(f"__values__[{name!r}] = {value}")
    if post:
        body.append("__self__.__post_init__()")
    exec(f"def __init__({', '.join(parameters)}):\n  " + "\n  ".join(body), names)
    init: Callable[..., None] = names["__init__"]
    init.__annotations__ = {**types, "return": None}
    return init


def _repr(names: list[str]) -> Callable[[Any], str]:
    @recursive_repr()
    def shown(self: Any) -> str:
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{self.__class__.__qualname__}({values})"

    return shown


def _values_of(names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    if len(names) > 1:
        return attrgetter(*names)
    return lambda self: tuple(getattr(self, name) for name in names)


def _refuse(action: str, name: str) -> None:
    raise FrozenInstanceError(f"cannot {action} field {name!r}")
