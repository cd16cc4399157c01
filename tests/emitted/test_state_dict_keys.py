"""docs/api.md: a LIV more, or a bias, renames no tensor of another LIV."""

import pytest

from starc.backend.weight_map import Piece
from starc.compiler import to_plan
from starc.diagnostics import StarError

HEAD = ["model m { width = 24; vocab = 11; context = 16 }", "liv sa = SA-1(heads = 2)"]
BODY = """\
backbone {
first: sa
mlp: GMemless
3 x {
look: sa
2 x {
deep: Rec-1
}
last: GConv-1
}
parallel {
left: sa
right: SSD
}
2 x {
again: sa weights from first
also: sa k, v from look
same: sa same as look
}
end: GConv-1
}""".split("\n")
MORE = {
    "z: GConv-1": 20,
    "z: sa same as first": 16,
    "z: sa weights from first": 19,
    "z: sa k, v from first": 19,
    "z: sa v from look": 16,
    "parallel { z: sa; y: sa k from z }": 20,
}
"""A line -> in how many places of the text it may stand."""


def tensors(body: list[str]) -> dict[str, set[Piece]]:
    """Key of the state dict -> the tensors of LIVs, by their labels, that are in it.

    A parallel has no label, so that the one of its norm may change.
    """
    weights = to_plan("\n".join([*HEAD, *body])).weights
    return {
        key: {piece for piece in pieces if not piece[0].startswith("parallel_")}
        for key, pieces in weights.items()
    }


@pytest.mark.parametrize("line", MORE)
def test_a_liv_more_renames_nothing(line: str) -> None:
    before, places = tensors(BODY), 0
    for place in range(1, len(BODY)):
        try:
            after = tensors([*BODY[:place], line, *BODY[place:]])
        except StarError:  # it shares with what comes later, or cannot in a parallel
            continue
        places += 1
        if BODY[place - 1] == "parallel {":  # which is called after its first branch
            assert "z_parallel.left.qkv_proj.weight" in after
            after = {key.replace("z_par", "left_par"): after[key] for key in after}
        assert before.items() <= after.items(), place
    assert places == MORE[line]


@pytest.mark.parametrize(
    "label", ["mlp", "deep", "last", "left", "right", "also", "end"]
)
def test_a_bias_renames_nothing(label: str) -> None:
    (line,) = (line for line in BODY if line.startswith(f"{label}:"))
    liv, *sharing = line.split(" ")[1:]
    biased = " ".join([f"{label}: {liv}(bias = true)", *sharing])
    before = tensors(BODY)
    after = tensors([biased if each == line else each for each in BODY])
    assert before.items() <= after.items()
    assert all(label in key for key in after.keys() - before.keys())
    assert len(after) > len(before)


def test_a_part_of_the_weights_of_a_liv_stands_alone() -> None:
    """The one case in which a key of another LIV changes."""
    after = tensors([*BODY[:-1], "z: sa q, k from first weights from first", "}"])
    assert tensors(BODY).keys() - after.keys() == {"first.qkv_proj.weight"}
