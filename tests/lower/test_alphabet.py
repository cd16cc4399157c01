"""The alphabet: the paper's digits, the tables of options, the numbers that follow."""

from dataclasses import MISSING, fields
from fractions import Fraction

import pytest

from starc.alphabet import Option, Stream, Template, extend, templates
from starc.alphabet.arguments import build_operator
from starc.alphabet.option import Given, Quantity
from starc.alphabet.shipped import prelude
from starc.compiler import to_ir
from starc.diagnostics import Problems
from starc.frontend.parse import parse
from starc.ir.nodes import Liv
from starc.ir.operator import Operator
from starc.ir.rope import Rope
from starc.operators.attention.operator import Attention
from starc.operators.gated_linear_attention.operator import GatedLinearAttention
from starc.operators.glu.operator import Glu
from starc.operators.long_conv.operator import LongConv
from starc.operators.min_gru.operator import MinGru
from starc.operators.selective_scan.operator import SelectiveScan
from starc.operators.ssd.operator import Ssd
from starc.source import NOWHERE, Source

# docs: facts/star.md, the table of classes.
DIGITS = {
    "SA-1": "12123",
    "SA-2": "22123",
    "SA-3": "32123",
    "SA-4": "42123",
    "Rec-1": "54111",
    "Rec-2": "64111",
    "GConv-1": "73111",
    "GConv-2": "83111",
    "GMemless": "91142",
}


def test_the_17_classes_have_the_digits_of_the_paper() -> None:
    expected = {code: (n, d) for code, (n, d) in enumerate(DIGITS.items(), start=1)}
    for code, (name, digits) in list(expected.items())[:8]:
        expected[code + 9] = (f"{name}-Diff", digits)
    found = {
        liv.code: (name, "".join(map(str, liv.digits or ())))
        for name, liv in prelude().classes.items()
        if liv.code is not None
    }
    assert found == expected


def test_differences() -> None:
    classes = prelude().classes
    assert classes["Rec-1-Diff"].of == classes["Rec-1"] and not classes["Rec-1"].of
    assert classes["Rec-1-Diff"].defaults == classes["Rec-1"].defaults


def test_the_prelude_is_read_once() -> None:
    assert prelude() is prelude()


# Defaults -----------------------------------------------------------------------------


def operator(text: str, width: int = 768, more: str = "") -> Operator:
    body = f"model m {{ width = {width}; {more} }}\nbackbone {{ {text} }}"
    (liv,) = to_ir(body).body
    assert isinstance(liv, Liv)
    return liv.operator


@pytest.mark.parametrize(
    ("name", "width", "heads", "kv_heads", "head_dim"),
    [
        ("SA-1", 768, 12, 12, 64),
        ("SA-1", 2048, 32, 32, 64),
        ("SA-1", 64, 1, 1, 64),
        ("SA-1", 128, 2, 2, 64),
        ("SA-2", 768, 12, 12, 64),
        ("SA-3", 768, 12, 3, 64),
        ("SA-3", 2048, 32, 8, 64),
        ("SA-3", 64, 4, 1, 16),
        ("SA-3", 128, 4, 1, 32),
        ("SA-4", 768, 12, 6, 64),
        ("SA-4", 64, 2, 1, 32),
        ("SA-3", 320, 4, 1, 80),
        ("SA-1", 1000, 10, 10, 100),
        ("SA-1(heads = 6)", 768, 6, 6, 128),
        ("SA-1(head_dim = 128)", 768, 6, 6, 128),
        ("SA-1(kv_heads = 1)", 768, 12, 1, 64),
        ("SA-1(heads = 3, head_dim = 10)", 768, 3, 3, 10),
        ("SA-3(heads = 16, kv_heads = 8, head_dim = 64)", 768, 16, 8, 64),
    ],
)
def test_heads(name: str, width: int, heads: int, kv_heads: int, head_dim: int) -> None:
    found = operator(name, width)
    assert isinstance(found, Attention)
    assert (found.heads, found.kv_heads, found.head_dim) == (heads, kv_heads, head_dim)
    assert found.rope == Rope(10_000.0, head_dim) and not found.window


def test_rope() -> None:
    def rope(text: str, positions: str = "rope") -> Rope | None:
        found = operator(text, 64, f"positions = {positions}")
        assert isinstance(found, Attention)
        return found.rope

    assert rope("SA-1", "none") is None
    assert rope("SA-1", "rope(theta = 1e6, fraction = 0.5)") == Rope(1e6, 32)
    assert rope("SA-1(rope_fraction = 0.25)", "rope(theta = 1e6)") == Rope(1e6, 16)
    assert rope("SA-1(rope = false)") is None
    assert rope("SA-1(rope = true)", "none") == Rope(1e4, 64)
    assert rope("SA-1(rope_theta = 500_000)", "none") == Rope(5e5, 64)


@pytest.mark.parametrize(
    ("text", "width", "hidden"),
    [
        ("GMemless", 768, 2048),
        ("GMemless", 2048, 5464),
        ("GMemless", 64, 176),
        ("GMemless(expand = 4)", 768, 3072),
        ("GMemless(hidden = 4608)", 1024, 4608),
        ("GMemless(hidden = 13)", 64, 13),
    ],
)
def test_hidden(text: str, width: int, hidden: int) -> None:
    assert operator(text, width) == Glu(width=width, hidden=hidden)


def test_recurrences_and_convolutions() -> None:
    for name, states in (("Rec-1", 16), ("Rec-2", 2)):
        assert operator(name, 100) == SelectiveScan(
            width=100, inner=100, states=states, dt_rank=7, kernel=4
        )
    mamba = operator("Mamba-2")
    assert mamba == Ssd(width=768, heads=24, head_dim=64, states=128, kernel=4)
    assert operator("GConv-2", 64, "context = 99") == LongConv(
        width=64, inner=64, context=99
    )
    assert operator("SA-2").kernel == 3 and operator("SA-1").kernel == 0
    assert operator("GConv-1(kernel = 7, expand = 1.5)", 64).inner == 96
    assert operator("RG-LRU(blocks = 2)").kernel == 4
    assert operator("MinGRU(expand = 2)", 64) == MinGru(width=64, inner=128)


@pytest.mark.parametrize(
    ("text", "width", "heads", "key_dim", "head_dim"),
    [
        ("GLA", 1024, 4, 128, 256),
        ("GLA", 2048, 8, 128, 256),
        ("GLA", 18, 3, 3, 6),
        ("GLA(heads = 8)", 1024, 8, 64, 128),
        ("GLA(key_expand = 1, expand = 2)", 64, 4, 16, 32),
        ("GLA(key_dim = 5)", 7, 1, 5, 7),
        ("GLA(heads = 3, key_dim = 5, head_dim = 6)", 64, 3, 5, 6),
    ],
)
def test_heads_of_gla(
    text: str, width: int, heads: int, key_dim: int, head_dim: int
) -> None:
    assert operator(text, width) == GatedLinearAttention(
        width=width, heads=heads, key_dim=key_dim, head_dim=head_dim
    )


# Tables -------------------------------------------------------------------------------

SET_ELSEWHERE = {"width", "context"}  # by the model block


@pytest.mark.parametrize("template", templates(), ids=lambda t: t.kind)
def test_every_field_of_an_operator_can_be_set(template: Template) -> None:
    settable = {option.field or option.name for option in template.options}
    unused = (
        {"kernel"} if template.kind in ("gated_conv", "long_conv", "glu") else set()
    )
    wanted = {field.name for field in fields(template.operator)}
    assert wanted - SET_ELSEWHERE - unused <= settable
    assert settable <= wanted | {"expand"}


def example(option: Option) -> Quantity:
    """A value that is neither the default nor out of range."""
    if option.type == "flag":
        return not option.default
    if option.type == "word":
        return next(word for word in option.choices if word != option.default)
    small = {"heads": 2, "kv_heads": 1, "head_dim": 8, "blocks": 2, "groups": 2}
    if option.name in small:
        return small[option.name]
    return Fraction(1, 2) if option.name in ("expand", "rope_fraction") else 5


@pytest.mark.parametrize(
    ("template", "option"),
    [(t, o) for t in templates() for o in t.options],
    ids=lambda x: getattr(x, "kind", "") or x.name,
)
def test_every_option_changes_the_operator(template: Template, option: Option) -> None:
    """A row of the tables that did nothing would be a lie in the reference."""
    liv = next(c for c in prelude().classes.values() if c.template is template)
    stream, problems = Stream(256), Problems()
    on = option.name in ("normalize", "rope") or liv.defaults.get(option.name) is True
    given = {option.name: Given(False if on else example(option), NOWHERE)}
    plain = build_operator(liv, {}, NOWHERE, stream, problems)
    changed = build_operator(liv, given, NOWHERE, stream, problems)
    assert not problems and plain is not None and changed is not None
    assert plain != changed
    assert option.meaning and option.takes
    assert option.default is not None or option.derived


@pytest.mark.parametrize("template", templates(), ids=lambda t: t.kind)
def test_templates_describe_their_operators(template: Template) -> None:
    liv = next(c for c in prelude().classes.values() if c.template is template)
    plain = build_operator(liv, {}, NOWHERE, Stream(64), Problems())
    assert isinstance(plain, template.operator) and plain.kind == template.kind
    groups = {group.name for group in plain.groups}
    assert {*template.groups} <= groups <= {*template.groups, *template.optional}
    assert set(template.fits) == set(template.expand) | set(template.optional)
    names = {field.name for field in fields(template.operator)}
    assert all(set(wanted) <= names for wanted in template.fits.values())


def test_defaults_of_tables_are_those_of_operators() -> None:
    """Where a table and a dataclass both have a default, they are one."""
    for template in templates():
        for field in fields(template.operator):
            option = template.by_name.get(field.name)
            if option and option.default is not None and field.default is not MISSING:
                assert option.default == field.default or field.name == "kernel"


# A user's own alphabet ----------------------------------------------------------------

OWN = """
featurizer short_qkv_gqa {
  groups  = [q, k, v]
  token   = toeplitz(kernel = 3)
  channel = dense
  expand  = 1/2
  repeat  = [1, 4, 4]
}
liv LocalAttention {
  code       = 18
  featurizer = short_qkv_gqa
  token      = low_rank
  sparsity   = banded(window = 1024)
  nonlinear  = softmax
  channel    = grouped(heads = 12)
  qk_norm    = true
}
liv LocalAttention-Diff = diff(LocalAttention) { code = 19 }
"""


def test_a_liv_of_ones_own() -> None:
    found = operator(f"LocalAttention }}\n{OWN} search {{ pool = [SA-1]")
    assert found == Attention(
        width=768,
        heads=12,
        kv_heads=3,
        head_dim=32,
        kernel=3,
        window=1024,
        qk_norm=True,
        rope=Rope(1e4, 32),
    )
    own = extend(prelude(), parse(Source("own", OWN), Problems()), Problems())
    assert own.classes["LocalAttention-Diff"].code == 19
    assert own.classes["LocalAttention"].digits is None  # its featurizer has no code
    assert "LocalAttention" not in prelude().classes


@pytest.mark.parametrize(
    ("definition", "kind"),
    [
        ("featurizer = qkv; token = low_rank; channel = grouped", "linear_attention"),
        ("featurizer = f; token = low_rank; channel = grouped", "linear_attention"),
        (
            "featurizer = g; token = low_rank; nonlinear = softmax; channel = grouped",
            "attention",
        ),
        (
            "featurizer = x; token = semi_separable; channel = diagonal",
            "selective_scan",
        ),
        (
            "featurizer = mamba_2; token = semi_separable; channel = grouped(heads=8)",
            "ssd",
        ),
        ("featurizer = griffin; token = semi_separable; channel = diagonal", "rg_lru"),
        ("featurizer = z; token = semi_separable; channel = diagonal", "min_gru"),
        (
            "featurizer = gla; token = semi_separable; channel = grouped(heads = 2)",
            "gated_linear_attention",
        ),
        (
            "featurizer = gate_up; token = diagonal; nonlinear= swish; channel = dense",
            "glu",
        ),
        (
            "featurizer = gate_up; token = diagonal; nonlinear = gelu; channel = dense",
            "glu",
        ),
    ],
)
def test_what_realises_a_combination(definition: str, kind: str) -> None:
    text = (
        "featurizer f { groups = [q, k, v]; nonlinear = relu }\n"
        "featurizer g { groups = [q, k, v, gate] }\n"
        "featurizer z { groups = [gate, x]; nonlinear = sigmoid }\n"
        "featurizer x { groups = [x, b, c, dt]; expand = [1, 8, 8, 1] }\n"
        f"liv X {{ {definition} }}\n"
    )
    found = operator(f"X }}\n{text} search {{ pool = [X]")
    assert found.kind == kind
    if "featurizer = f" in definition:
        assert found.feature_map == "relu"  # type: ignore[attr-defined]
    if "featurizer = g;" in definition:
        assert found.gated  # type: ignore[attr-defined]
    if "featurizer = x" in definition:
        assert not found.gated and found.states == 8  # type: ignore[attr-defined]
    if "gelu" in definition:
        assert found.activation == "gelu"  # type: ignore[attr-defined]


def test_later_words_replace_earlier_ones() -> None:
    alias = "liv mlp = GMemless(hidden = 13)\nliv mlp2 = mlp(expand = 2)\n"
    found = operator(f"mlp2(activation = relu) }}\n{alias} search {{ pool = [mlp2]", 64)
    assert found == Glu(width=64, hidden=128, activation="relu")
