"""The numbers of facts/star.md, exactly; what sharing saves; how work grows."""

import pytest

from starc import passes
from starc.ir.cost import Costs, costs
from starc.ir.nodes import Model, Step, Written
from starc.ir.residual import Norm
from starc.operators.attention.operator import Attention
from tests.ir.ir_models import (
    ATTENTION,
    CONV,
    GLU,
    again,
    difference,
    lfm2,
    liv,
    model,
    transformer,
)
from tests.work import calls


def cost(written: Written, without: frozenset[str] = frozenset()) -> Costs:
    return costs(passes.run(written, without), 4096, 2)


def test_transformer_pp_1b() -> None:
    found = cost(transformer(2048, 24))
    assert found.total.cache_bytes == 805_306_368
    assert round(found.params_without_embeddings / 1e6) == 1208
    assert found.total.params - found.params_without_embeddings == 2048 * 50_304


def test_transformer_pp_125m() -> None:
    found = cost(transformer(768, 12))
    assert found.total.cache_bytes == 150_994_944
    norms = (2 * 12 + 1) * 768
    assert found.params_without_embeddings - norms == 12 * 12 * 768**2 == 84_934_656


@pytest.mark.parametrize(
    "width, heads, hidden, params",
    [
        (1024, 16, 4608, 354_483_968),
        (1536, 24, 6912, 742_489_344),
        (2048, 32, 8192, 1_170_340_608),
    ],
)
def test_lfm2(width: int, heads: int, hidden: int, params: int) -> None:
    assert cost(lfm2(width, heads, hidden)).total.params == params


def test_without_passes_every_liv_has_a_copy() -> None:
    body = liv(CONV, "c"), liv(CONV, "", "c"), liv(CONV, "", "", b="c")
    shared, copied = (
        cost(model(*body)),
        cost(model(*body), frozenset({"share_weights"})),
    )
    weights = 3 * 8 * 8 + 8 * 3  # projections and the filter of the second
    assert copied.total.params - shared.total.params == weights
    assert copied.total.cache_bytes == shared.total.cache_bytes


def test_a_borrower_has_neither_projections_nor_cache() -> None:
    whole = cost(model(liv(ATTENTION, "a"), liv(ATTENTION))).layers[1].total
    found = cost(model(liv(ATTENTION, "a"), liv(ATTENTION, "", "", k="a", v="a")))
    borrower = found.layers[1].total
    assert borrower.cache_bytes == 0 < whole.cache_bytes
    assert whole.params - borrower.params == 2 * 4 * 8
    assert whole.decode_flops - borrower.decode_flops == 2 * 2 * 4 * 8


def test_again_costs_state_and_arithmetic_only() -> None:
    found = cost(model(liv(CONV, "c"), again("c"), difference(CONV, "d"), again("d")))
    once, twice, pair, pair_again = found.layers
    assert twice.total == once.total._replace(label="c_again_1", params=0)
    assert pair_again.total == pair.total._replace(label="d_again_1", params=0)
    assert pair.total.cache_bytes == 2 * once.total.cache_bytes == 2 * 2 * 8 * 2
    assert [branch.label for branch in pair_again.branches] == [
        "d_again_1.a",
        "d_again_1.b",
    ]


@pytest.mark.parametrize(
    "settings, more",
    [
        ({"tied": False}, 16 * 8),
        ({"norm": Norm("layer")}, 8 + 8),
        ({"placement": "sandwich"}, 8),
        ({"placement": "post"}, 0),
        ({"placement": "none"}, -8),
        ({"norm": Norm("layer"), "placement": "sandwich"}, 8 + 8 + 8 + 8),
        ({"scale": 0.5}, 0),
    ],
)
def test_norms_and_head(settings: dict[str, object], more: int) -> None:
    plain, other = cost(model(liv(GLU))), cost(model(liv(GLU), **settings))
    assert other.total.params - plain.total.params == more
    tied = other.total.params - other.params_without_embeddings == 16 * 8
    assert tied == ("tied" not in settings)


def test_a_window_bounds_cache_and_decode() -> None:
    local = Attention(width=8, heads=2, kv_heads=1, head_dim=4, window=32)
    full, found = cost(model(liv(ATTENTION))).total, cost(model(liv(local))).total
    assert found.cache_bytes * 4096 == full.cache_bytes * 32
    assert full.decode_flops - found.decode_flops == 4 * (4096 - 32) * 8
    # In blocks of 32 queries, each with 64 keys.
    assert full.prefill_flops - found.prefill_flops == 4 * (4096 - 64) * 8


def test_work_grows_with_the_number_of_layers() -> None:
    def flat(layers: int) -> Model:
        body: list[Step] = [*passes.run(transformer(768, layers)).layers()]
        return Model("m", 768, 50_304, 4096, tuple(body))

    short, long = flat(12), flat(12 * 16)
    few = calls(lambda: costs(short, 4096, 2))
    assert few < 24 * 300, "calls for each layer"
    assert calls(lambda: costs(long, 4096, 2)) < 40 * few  # quadratic: 256
