"""starc's `dataclass` against the standard one: each class is made by both."""

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Callable
from dataclasses import field
from importlib import import_module
from operator import eq
from pkgutil import walk_packages
from typing import Any, ClassVar

import pytest

import starc
from starc import values

Decorator = Callable[..., Any]


def plain(make: Decorator) -> type[Any]:
    @make
    class Plain:
        a: int
        b: str = "b"
        c: list[int] = field(default_factory=list)

    return Plain


def frozen(make: Decorator) -> type[Any]:
    @make(frozen=True)
    class Frozen:
        a: int
        place: tuple[int, ...] = field(repr=False, compare=False)
        b: object = None
        known: ClassVar[int] = 3

    return Frozen


def one_field(make: Decorator) -> type[Any]:
    @make(frozen=True)
    class One:
        a: int

    return One


def awkward(make: Decorator) -> type[Any]:
    @make(frozen=True)
    class Awkward:
        self: int = 1
        values: int = 2
        a: list[int] = field(default_factory=list)
        default_a: int = 4
        make: int = 5
        name: int = 6

    return Awkward


def none(make: Decorator) -> type[Any]:
    @make(frozen=True)
    class Empty:
        """Without fields."""

    return Empty


def derived(make: Decorator) -> type[Any]:
    @make(frozen=True, kw_only=True)
    class Base:
        a: int
        c: int = 1

    @make(frozen=True, kw_only=True)
    class Derived(Base):
        b: int
        a: int = 5
        inner: int = field(init=False, default=7)
        made: list[int] = field(init=False, default_factory=list)

    return Derived


def mixed(make: Decorator) -> type[Any]:
    @make
    class First:
        a: int
        b: int = field(default=2, kw_only=True)

    @make
    class Mixed(First):
        c: int = 3

        def __post_init__(self) -> None:
            self.a += self.b

        def __repr__(self) -> str:
            return "mixed"

    return Mixed


def own_equality(make: Decorator) -> type[Any]:
    @make(frozen=True)
    class Own:
        a: int

        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 1

    return Own


CLASSES = [plain, frozen, one_field, awkward, none, derived, mixed, own_equality]
CALLS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((), {}),
    ((1,), {}),
    ((1, 2), {}),
    ((1, 2, 3), {}),
    ((1, 2, 3, 4, 5), {}),
    ((), {"a": 1}),
    ((), {"b": 1}),
    ((2,), {"b": 1}),
    ((), {"a": float("nan"), "b": 2}),
    ((1,), {"a": 1}),
    ((1,), {"unknown": 1}),
    (((1, [2]), "x"), {}),
]


def outcome(call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    try:
        return call(*arguments, **named)
    except Exception as error:
        return type(error), str(error)


def as_keys(one: Any, others: list[Any]) -> dict[Any, bool]:
    return {x: x == one for x in (one, *others)}


def behaviour(cls: type[Any]) -> list[Any]:
    """What can be seen of a class, as text."""
    made = [outcome(cls, *a, **k) for a, k in CALLS]
    values_ = [one for one in made if isinstance(one, cls)]
    seen: list[Any] = [made, cls.__name__, cls.__match_args__]
    seen += [inspect.signature(cls), cls.__init__.__annotations__]
    seen += [[(f.name, f.type, f.default) for f in dataclasses.fields(cls)]]
    for one in values_:
        seen.append([outcome(eq, one, x) for x in (*values_, 1)])
        seen.append(outcome(as_keys, one, values_))
        seen.append(outcome(dataclasses.replace, one, a=9))
        seen.append(outcome(dataclasses.asdict, one))
        seen.append([copy.copy(one) == one, repr(copy.deepcopy(one))])
        other = copy.copy(one)
        seen.append(outcome(setattr, other, "a", 4))
        seen.append(outcome(delattr, other, "a"))
        seen.append(repr(one))
    return [str(item) for item in seen]


@pytest.mark.parametrize("define", CLASSES)
def test_a_class_behaves_as_the_standard_one(define: Callable[..., Any]) -> None:
    ours, theirs = define(values.dataclass), define(dataclasses.dataclass)
    assert behaviour(ours) == behaviour(theirs)


def test_a_value_that_holds_itself_has_a_text() -> None:
    one = plain(values.dataclass)(1)
    one.c.append(one)
    assert repr(one).endswith("Plain(a=1, b='b', c=[...])")


def modules() -> list[str]:
    return [
        found.name
        for found in walk_packages(starc.__path__, "starc.")
        if not found.name.startswith(("starc.__main__", "starc.evolve.workers"))
    ]


def test_every_class_of_starc_takes_what_a_standard_one_takes() -> None:
    """Signatures, and the way to another process."""
    count = 0
    for name in modules():
        for cls in vars(import_module(name)).values():
            if not isinstance(cls, type) or not dataclasses.is_dataclass(cls):
                continue
            if cls.__module__ != name:
                continue
            init = vars(cls).get("__init__")
            if init is None or init.__module__ == "dataclasses":
                continue
            count += 1
            fields = [f for f in dataclasses.fields(cls) if f.init]
            kinds = inspect.signature(cls).parameters.values()
            assert {f.name for f in fields} == {one.name for one in kinds}, cls
    assert count > 100


def test_values_are_pickled() -> None:
    """As a search sends them to its workers."""
    span = starc.parse("model m { width = 64 }").span
    again = pickle.loads(pickle.dumps(span))
    assert again == span and again.source == span.source and hash(again) == hash(span)
