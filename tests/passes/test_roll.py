"""roll: which repeats are found, and that their turns differ in labels only."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace

import pytest
from hypothesis import given, settings

from starc import passes
from starc.ir.nodes import Again, Layer, Liv, Loop, Model, Parallel, Repeat, Step
from starc.passes.roll import roll
from starc.source import Source
from tests.ir.ir_models import (
    ATTENTION,
    CONV,
    GLU,
    SCAN,
    again,
    difference,
    lfm2,
    liv,
    model,
    models,
    parallel,
    transformer,
)

KINDS = {"a": ATTENTION, "c": CONV, "m": GLU, "s": SCAN}


def shape(found: Model) -> str:
    """`c m 3(a m)`, by the first letters of the kinds."""

    def letter(layer: Layer) -> str:
        if isinstance(layer, Again):
            return "="
        if isinstance(layer, Parallel):
            return f"[{''.join(map(letter, layer.sides))}]"
        return next(k for k, operator in KINDS.items() if operator == layer.operator)

    words = []
    for step in found.body:
        if isinstance(step, Repeat):
            words.append(f"{len(step.turns)}({' '.join(map(letter, step.turns[0]))})")
        else:
            assert not isinstance(step, Loop)
            words.append(letter(step))
    return " ".join(words)


def rolled(*body: Step) -> str:
    return shape(passes.run(model(*body)))


@pytest.mark.parametrize(
    "written, expected",
    [
        ("m", "m"),
        ("mm", "2(m)"),
        ("cm", "c m"),
        ("cmcm", "2(c m)"),
        ("cmcmc", "2(c m) c"),
        ("aamaam", "2(a a m)"),
        ("aaamamam", "2(a) 3(a m)"),
        ("mcmamamamam", "m c 4(m a) m"),
        ("cmcmamcmcmamcmam", "2(c m c m a m) c m a m"),
    ],
)
def test_what_the_text_wrote_out(written: str, expected: str) -> None:
    assert rolled(*[liv(KINDS[letter]) for letter in written]) == expected


def test_a_loop_of_the_text_starts_where_it_starts_there() -> None:
    source = Source("x", "m a m")
    first, a, m = (source.span(i, i + 1) for i in (0, 2, 4))
    loop = Loop(3, (replace(liv(ATTENTION), span=a), replace(liv(GLU), span=m)))
    assert rolled(replace(liv(GLU), span=first), loop) == "m 3(a m)"
    assert rolled(liv(GLU), Loop(3, (liv(ATTENTION), liv(GLU)))) == "3(m a) m"


def test_real_models() -> None:
    assert shape_of(transformer(768, 12)) == [(12, 2)]
    assert shape_of(lfm2(1024, 16, 4608)) == [(3, 6), (3, 4), 1, 1]


def shape_of(written: Model) -> list[object]:
    return [
        (len(step.turns), len(step.turns[0])) if isinstance(step, Repeat) else 1
        for step in passes.run(written).body
    ]


def test_references_within_a_turn_and_before_it() -> None:
    pair = (liv(CONV, "c"), liv(CONV, "", "c"))
    assert rolled(Loop(3, pair)) == "3(c c)"
    assert rolled(liv(CONV, "z"), Loop(3, (liv(CONV, "", "z"), liv(GLU)))) == "c 3(c m)"
    # the last owner is used from outside the loop: its weights are the model's
    assert rolled(Loop(3, (liv(CONV, "c"), liv(GLU))), liv(CONV, "", "c")) == (
        "2(c m) c m c"
    )
    # but what borrows a feature asks for no change of the lender
    after = liv(ATTENTION, "", "", k="a")
    assert rolled(Loop(3, (liv(ATTENTION, "a"), liv(GLU))), after) == "3(a m) a"


def test_references_to_different_layers_do_not_roll() -> None:
    owners = (liv(CONV, "y"), liv(CONV, "z"))
    assert rolled(*owners, liv(CONV, "", "y"), liv(CONV, "", "z")) == "c c c c"
    assert rolled(*owners, liv(CONV, "", "y"), liv(CONV, "", "y")) == "c c 2(c)"


def test_labels_count_up_by_one() -> None:
    assert rolled(liv(CONV, "c"), liv(CONV, "d")) == "c c"  # two names: no loop
    inner = Loop(2, (liv(CONV, "c"),))
    assert rolled(Loop(2, (inner, liv(GLU)))) == "2(c) m 2(c) m"
    unlabelled = Loop(2, (liv(CONV),))
    assert rolled(Loop(2, (unlabelled, liv(GLU)))) == "2(c c m)"


def test_again_and_sides() -> None:
    assert rolled(liv(GLU, "m"), Loop(3, (liv(CONV), again("m")))) == "m 3(c =)"
    assert rolled(Loop(3, (liv(GLU, "m"), again("m")))) == "3(m =)"
    sides = parallel(liv(ATTENTION, "a"), liv(CONV))
    assert rolled(Loop(3, (sides, liv(GLU)))) == "3([ac] m)"
    assert rolled(Loop(2, (difference(CONV, "d"), difference(CONV, "", "d")))) == (
        "2([cc] [cc])"
    )


def test_a_period_of_64_and_no_more() -> None:
    kinds = [GLU if i % 9 else CONV for i in range(63)]
    assert shape_of(model(*[liv(x) for x in [*kinds, SCAN] * 2])) == [(2, 64)]
    found = shape_of(model(*[liv(x) for x in [*kinds, CONV, SCAN] * 2]))
    assert (2, 65) not in found


@settings(max_examples=80, deadline=None)
@given(models())
def test_turns_differ_in_labels_only(written: Model) -> None:
    flat = passes.run(written, frozenset({"roll"}))
    found = roll(flat)
    assert tuple(found.layers()) == flat.body
    assert roll(found) == found
    index = {x: i for i, layer in enumerate(flat.layers()) for x in labels((layer,))}
    for step in found.body:
        if not isinstance(step, Repeat):
            continue
        start = index[step.turns[0][0].label]
        first = list(map(strip, step.turns[0]))
        for turn in step.turns[1:]:
            names = dict(zip(labels(turn), labels(step.turns[0]), strict=True))
            assert [rename(strip(layer), names) for layer in turn] == first
            inside = set(names) | set(names.values())
            for reference in references(turn):
                assert reference in names or reference not in inside
                if reference not in names:
                    assert index[reference] < start


def strip(layer: Layer) -> Layer:
    """An Again without label has a name that nothing reads: its target's number."""
    if isinstance(layer, Again) and not layer.labelled:
        return replace(layer, stem="", label="")
    return layer


def labels(turn: tuple[Layer, ...]) -> list[str]:
    found = []
    for layer in turn:
        found.append(layer.label)
        if isinstance(layer, Parallel):
            found += [side.label for side in layer.sides]
    return found


def references(turn: tuple[Layer, ...]) -> Iterator[str]:
    for layer in turn:
        if isinstance(layer, Again):
            yield layer.of
        for one in layer.sides if isinstance(layer, Parallel) else (layer,):
            if isinstance(one, Liv):
                yield one.mixing
                for f in one.features:
                    yield from (f.weights, f.input)


def rename(node: object, names: dict[str, str]) -> object:
    """All strings of nested nodes that are labels, as the first turn calls them."""
    if isinstance(node, str):
        return names.get(node, node)
    if isinstance(node, tuple):
        return tuple(rename(part, names) for part in node)
    if is_dataclass(node) and not isinstance(node, type):
        changed = {f.name: rename(getattr(node, f.name), names) for f in fields(node)}
        return replace(node, **changed)
    return node
