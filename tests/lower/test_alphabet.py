"""The alphabet: the paper's digits, the tables of options, the numbers that follow."""

from dataclasses import MISSING, fields, replace
from fractions import Fraction

import pytest

import starc
from starc import operators
from starc.alphabet import Option, Stream, Template, extend, templates
from starc.alphabet.arguments import build_operator
from starc.alphabet.around import AROUND
from starc.alphabet.option import Given, Quantity
from starc.alphabet.shipped import prelude
from starc.compiler import to_ir
from starc.diagnostics import Problems
from starc.frontend.parse import parse
from starc.ir.nodes import Liv
from starc.ir.operator import Operator
from starc.ir.rope import Rope
from starc.operators.attention.operator import Attention
from starc.reference.cases import cases_of
from starc.source import NOWHERE, Source
from tests.reference.operators import OPERATORS

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
    ("kind", "text", "width", "numbers"),
    [(kind, *row) for kind in operators.NAMES for row in cases_of(kind).resolved],
)
def test_numbers_that_follow(
    kind: str, text: str, width: int, numbers: dict[str, object]
) -> None:
    found = operator(text, width)
    assert found.kind == kind
    assert {name: getattr(found, name) for name in numbers} == numbers


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
    assert rope("SA-1(rope = true, rope_theta = 5e5)", "none") == Rope(5e5, 64)


def test_the_context_of_the_model_is_that_of_a_long_filter() -> None:
    assert operator("GConv-2", 64, "context = 99").context == 99  # type: ignore[attr-defined]


# Tables -------------------------------------------------------------------------------

SET_ELSEWHERE = {"width", "context"}  # by the model block
SOME_HAVE = {"bias_except"}


def plain(template: Template) -> Operator:
    """Of a class of the prelude, with no option said."""
    liv = next(c for c in prelude().classes.values() if c.template is template)
    built = build_operator(liv, {}, NOWHERE, Stream(64), Problems())
    assert built is not None
    return built


@pytest.mark.parametrize("template", templates(), ids=lambda t: t.kind)
def test_every_field_of_an_operator_can_be_set(template: Template) -> None:
    settable = {option.field or option.name for option in template.options}
    around = {option.field or option.name for option in AROUND.values()}
    unused = set() if "toeplitz" in template.features_token else {"kernel"}
    unused |= set() if template.shifts else {"shift"}
    unused |= set() if plain(template).output else {"out_bias"}
    wanted = {field.name for field in fields(template.operator)}
    assert wanted - SET_ELSEWHERE - SOME_HAVE - unused <= settable | around
    assert settable <= wanted | {"expand"}


def example(option: Option) -> Quantity:
    """A value that is neither the default nor out of range."""
    if option.type == "flag":
        return not option.default
    if option.type == "word":
        usual = option.default or option.choices[0]
        return next(word for word in option.choices if word != usual)
    small = {"heads": 2, "kv_heads": 1, "head_dim": 8, "blocks": 2, "groups": 2}
    small |= {"rope_dims": 4, "key_dim": 4}
    if option.name in small:
        return small[option.name]
    return Fraction(1, 2) if option.name in ("expand", "rope_fraction") else 5


YARN: dict[str, Quantity] = {
    "rope_scaling": "yarn",
    "rope_factor": 8,
    "rope_context": 4096,
}
ROTATION: dict[str, dict[str, Quantity]] = {
    "spread": {"rope_fraction": Fraction(1, 2)},
    "factor": {"rope_scaling": "linear", "rope_factor": 8},
    **{name: YARN for name in ("context", "slow", "fast", "whole")},
}
BESIDE: dict[tuple[str, str], dict[str, Quantity]] = {
    ("mixture_of_experts", "keep"): {"groups": 8, "top": 1},
    ("mixture_of_experts", "sum_eps"): {"scores": "sigmoid"},
    ("mixture_of_experts", "near"): {"balance": "none"},
    ("ssd", "norm"): {"groups": 2},
    ("attention", "gate_bias"): {"gate": "head"},
    ("attention", "weightless"): {"qk_norm": "head"},
    ("attention", "own_weights"): {"qk_norm": "head"},
    ("attention", "norm_bias"): {"qk_norm": "layer"},
    ("attention", "rotate_first"): {"qk_norm": "head"},
    ("attention", "gate_activation"): {"gate": "head"},
    **{
        (kind, f"rope_{name}"): beside
        for kind in ("attention", "latent_attention", "retention")
        for name, beside in ROTATION.items()
    },
    ("selective_scan", "norm_eps"): {"norms": "weighted"},
}
"""Without which an option says nothing."""


@pytest.mark.parametrize(
    ("template", "option"),
    [(t, o) for t in templates() for o in t.options],
    ids=lambda x: getattr(x, "kind", "") or x.name,
)
def test_every_option_changes_the_operator(template: Template, option: Option) -> None:
    """A row of the tables that did nothing would be a lie in the reference."""
    liv = next(c for c in prelude().classes.values() if c.template is template)
    stream, problems = Stream(512), Problems()
    on = (
        option.name in ("normalize", "rope", "rope_whole", "norm_bias")
        or liv.defaults.get(option.name) is True
    )
    said = BESIDE.get((template.kind, option.name), {})
    beside = {name: Given(value, NOWHERE) for name, value in said.items()}
    given = {option.name: Given(False if on else example(option), NOWHERE)}
    if option.name == "rope_scaling":  # no factor stands alone
        given["rope_factor"] = Given(8, NOWHERE)
    plain = build_operator(liv, beside, NOWHERE, stream, problems)
    changed = build_operator(liv, beside | given, NOWHERE, stream, problems)
    assert not problems and plain is not None and changed is not None
    assert plain != changed
    assert option.meaning and option.takes
    assert option.default is not None or option.derived


@pytest.mark.parametrize("template", templates(), ids=lambda t: t.kind)
def test_templates_describe_their_operators(template: Template) -> None:
    found = plain(template)
    assert isinstance(found, template.operator) and found.kind == template.kind
    latents = {group.source for group in found.groups}
    groups = [group.name for group in found.groups if group.name not in latents]
    assert {*template.groups} <= {*groups} <= {*template.groups, *template.flags}
    assert groups == [*(f.name for f in template.features if f.name in groups)]
    names = {field.name for field in fields(template.operator)}
    assert all(set(wanted) <= names for wanted in template.fits.values())


@pytest.mark.parametrize("template", templates(), ids=lambda t: t.kind)
def test_numbers_of_any_featurizer_fit_or_are_told(template: Template) -> None:
    """With and without each group that may be left out, one number or a list."""
    words = f"token = {template.token}; channel = {template.channel}"
    words += f"; nonlinear = {template.nonlinear[0]}; sparsity = {template.sparsity[0]}"
    more = f"nonlinear = {template.features_nonlinear[0]}"
    if template.filter != "none":
        more += f"; filter = {template.filter}"
        more += "(kernel = 4)" if template.filter == "explicit" else ""
    if {*template.features_latent} == {*template.groups}:
        more += "; channel = latent"
    for left_out in (None, *template.flags):
        groups = [f.name for f in template.features if f.name != left_out]
        fitting = [1] * len(groups)
        for setting in ("expand", "repeat"):
            for numbers in ("1", "2", f"{fitting}", f"{[2] * len(groups)}"):
                text = f"""
model m {{ width = 64 }}
featurizer f {{ groups = [{", ".join(groups)}]; {more}; {setting} = {numbers} }}
liv X {{ featurizer = f; {words} }}
backbone {{ X }}
"""
                found = starc.check(text)
                assert {one.code for one in found} <= {"no-template", "does-not-divide"}
                assert numbers not in ("1", f"{fitting}") or not found, text


def test_defaults_of_tables_are_those_of_operators() -> None:
    """Where a table and a dataclass both have a default, they are one."""
    for template in templates():
        for field in fields(template.operator):
            option = template.by_name.get(field.name)
            if option and option.default is not None and field.default is not MISSING:
                default: object = option.default
                if isinstance(default, Fraction):
                    default = float(default)
                if default == "none" and field.default == "":
                    default = ""
                assert default == field.default or field.name == "kernel"


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
        qk_norm="head",
        rope=Rope(1e4, 32),
    )
    own = extend(prelude(), parse(Source("own", OWN), Problems()), Problems())
    assert own.classes["LocalAttention-Diff"].code == 19
    assert own.classes["LocalAttention"].digits is None  # its featurizer has no code
    assert "LocalAttention" not in prelude().classes


@pytest.mark.parametrize(
    ("kind", "genome", "numbers"),
    [(kind, *one) for kind in operators.NAMES for one in cases_of(kind).realises],
)
def test_what_realises_a_combination(
    kind: str, genome: str, numbers: dict[str, object]
) -> None:
    featurizer, liv = genome.split("|")
    text = f"featurizer f {{ {featurizer} }}\nliv X {{ featurizer = f; {liv} }}\n"
    found = operator(f"X }}\n{text} search {{ pool = [X]")
    assert found.kind == kind
    assert {name: getattr(found, name) for name in numbers} == numbers


def test_later_words_replace_earlier_ones() -> None:
    alias = "liv mlp = GMemless(hidden = 13)\nliv mlp2 = mlp(expand = 2)\n"
    found = operator(f"mlp2(activation = relu) }}\n{alias} search {{ pool = [mlp2]", 64)
    glu = OPERATORS["glu-relu"]
    assert found == replace(glu, width=64, hidden=128)  # type: ignore[call-arg]
