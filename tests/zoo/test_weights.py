"""`starc weights`: keys of the compiled model, and what their rows are."""

from starc import compiler
from starc.source import Source
from starc.zoo.weights import as_text, weights
from tests.emitted.helpers import emit

TEXT = """\
model m { width = 32; vocab = 11; tied = false }

backbone {
  a: GQA(heads = 4, bias = true, qk_norm = true)
  2 x { Mamba-2(heads = 2, states = 4); SwiGLU }
  SA-3(heads = 4, qk_norm = true, bias = true)   k, v from a
}
"""


def test_the_rows_of_every_key() -> None:
    """As many keys as the emitted model has, of its shapes; pieces fill the rows."""
    made = emit(compiler.to_ir(TEXT))
    state = getattr(made.module, made.plan.model)().state_dict()
    found = weights(Source("m.star", TEXT))
    assert [one.key for one in found] == [*made.plan.weights]
    assert {one.key: one.shape for one in found} == {
        key: tuple(tensor.shape) for key, tensor in state.items()
    }
    for one in found:
        pieces = one.as_json()["pieces"]
        assert isinstance(pieces, list)
        assert [p["rows"][0] for p in pieces] == [
            0,
            *(p["rows"][1] for p in pieces[:-1]),
        ]
        assert pieces[-1]["rows"][1] == one.shape[0]
    total = sum(tensor.numel() for tensor in state.values())
    assert f"{len(state)} tensors, {total:,} parameters" in as_text(found)
    (qkv,) = (one for one in found if one.key == "a.qkv_proj.weight")
    assert qkv.pieces == (
        ("a", "q.weight", 32),
        ("a", "k.weight", 8),
        ("a", "v.weight", 8),
    )
