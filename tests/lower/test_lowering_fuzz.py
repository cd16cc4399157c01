"""Trees with random names and values: told what is wrong, or a model that verifies."""

from fractions import Fraction
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starc.alphabet import prelude, templates
from starc.alphabet.around import AROUND
from starc.compiler import build
from starc.diagnostics import Problems
from starc.frontend import ast
from starc.frontend.parse import parse
from starc.passes import run
from starc.source import NOWHERE, Source

LABELS = (
    "a",
    "b",
    "c1",
    "attn_1",
    "mlp_2",
    "a_1",
    "b_again_1",
    "a_again",
    "norm",
    "x-y",
)
ODD = (
    "forward",
    "class",
    "__init__",
    "é",
    "",
    "a b",
    "import os",
    "0",
    "none",
    "-",
    "_",
)
OPTIONS = sorted({*AROUND, *(o.name for t in templates() for o in t.options)})
WORDS = (
    *(
        "diagonal",
        "low_rank",
        "toeplitz",
        "semi_separable",
        "banded",
        "softmax",
        "relu",
    ),
    *("silu", "gelu", "dense", "grouped", "explicit", "implicit", "rms", "rope", "elu"),
    *(
        "sandwich",
        "post",
        "sigmoid",
        "linear",
        "qkv",
        "bcx",
        "gate_up",
        "scan_2",
        "mine",
        "theirs",
    ),
)
LIVS = (*prelude().livs, "mine", "theirs", "alias", "SA-9")
SETTINGS = (
    *("width", "vocab", "context", "norm", "eps", "positions", "placement", "code"),
    *("featurizer", "groups", "token", "sparsity", "nonlinear", "channel", "filter"),
    *("expand", "repeat", "pool", "population", "residual_scale", "logit_scale"),
)


def word(*texts: str) -> st.SearchStrategy[ast.Name]:
    return st.sampled_from(texts).map(lambda text: ast.Name(NOWHERE, text))


def number(value: int | float | Fraction) -> ast.Number:
    return ast.Number(NOWHERE, value, "?")


numbers = st.one_of(
    st.sampled_from([1, 2, 3, 4, 8, 16, 64, 128, 0, -1, 10**30]),
    st.integers(-3, 70),
    st.floats(),
    st.fractions(max_denominator=9),
).map(number)
atoms = st.one_of(
    numbers,
    st.booleans().map(lambda value: ast.Bool(NOWHERE, value)),
    word(*WORDS, *LIVS, *ODD, "q", "k", "v", "b", "c", "x", "z", "dt", "gate", "up"),
)


def setting(
    names: tuple[str, ...] | list[str], value: st.SearchStrategy[Any]
) -> st.SearchStrategy[ast.Setting]:
    return st.builds(lambda n, v: ast.Setting(NOWHERE, n, v), word(*names), value)


arguments = st.lists(setting(OPTIONS, atoms), max_size=3).map(tuple)
calls = st.builds(lambda n, a: ast.Call(NOWHERE, n, a), word(*WORDS), arguments)
lists = st.lists(atoms, max_size=5).map(lambda v: ast.List(NOWHERE, tuple(v)))
values = st.one_of(atoms, calls, lists)
settings_lists = st.lists(setting([*SETTINGS, *OPTIONS], values), max_size=7).map(tuple)
sensible = st.tuples(
    *(
        st.builds(
            lambda n, v: ast.Setting(NOWHERE, ast.Name(NOWHERE, n), v), st.just(n), v
        )
        for n, v in (
            ("featurizer", word("qkv", "bcx", "gate_up", "scan_2", "mine")),
            ("token", word(*WORDS[:4])),
            ("nonlinear", word("none", "softmax", "silu")),
            ("channel", word("grouped", "diagonal", "dense")),
        )
    )
)
references = word(*LABELS[:4], "b", "a")
clauses = st.one_of(
    st.builds(lambda n: ast.WeightsFrom(NOWHERE, n), references),
    st.builds(lambda n: ast.SameAs(NOWHERE, n), references),
    st.builds(
        lambda g, n: ast.FeaturesFrom(NOWHERE, tuple(g), n),
        st.lists(word("k", "v", "q", "x", "b"), min_size=1, max_size=2),
        references,
    ),
)


def uses() -> st.SearchStrategy[ast.Use]:
    return st.builds(
        lambda *parts: ast.Use(NOWHERE, *parts),
        st.one_of(st.none(), word(*LABELS, *ODD)),
        word(*LIVS),
        arguments,
        st.lists(clauses, max_size=2).map(tuple),
    )


def steps(use: st.SearchStrategy[ast.Use]) -> st.SearchStrategy[tuple[ast.Step, ...]]:
    counts = st.sampled_from([1, 2, 3, 0, 1.5, 10**9]).map(number)
    return st.lists(
        st.recursive(
            use,
            lambda step: st.one_of(
                st.builds(
                    lambda n, b: ast.Repeat(NOWHERE, n, tuple(b)),
                    st.one_of(st.just(number(2)), counts),
                    st.lists(step, max_size=3),
                ),
                st.builds(
                    lambda b: ast.Parallel(NOWHERE, tuple(b)),
                    st.lists(step, max_size=3),
                ),
            ),
            max_leaves=5,
        ),
        max_size=6,
    ).map(tuple)


names = word("mine", "theirs", "alias", "SA-1", *ODD)
definitions = st.one_of(
    st.builds(lambda n, s: ast.Featurizer(NOWHERE, n, s), names, settings_lists),
    st.builds(lambda n, s: ast.LivGenome(NOWHERE, n, s), names, settings_lists),
    st.builds(lambda n, s: ast.LivGenome(NOWHERE, n, s), names, sensible),
    st.builds(
        lambda n, o, s: ast.LivDiff(NOWHERE, n, o, s),
        names,
        word(*LIVS),
        settings_lists,
    ),
    st.builds(
        lambda n, o, a: ast.LivAlias(NOWHERE, n, o, a), names, word(*LIVS), arguments
    ),
    st.builds(lambda s: ast.Search(NOWHERE, s, (), ()), settings_lists),
)
wild = st.builds(
    lambda model, items, body: ast.Program(NOWHERE, (*model, *items, *body)),
    st.lists(
        st.builds(
            lambda n, s: ast.Model(NOWHERE, n, s),
            st.one_of(st.none(), names),
            settings_lists,
        ),
        max_size=2,
    ),
    st.lists(definitions, max_size=4),
    st.lists(
        st.builds(lambda b: ast.Backbone(NOWHERE, b), steps(uses())),
        max_size=2,
    ),
)


def check(program: ast.Program, problems: Problems) -> bool:
    """Whether it is legal; if so it passes every pass, whose verifier would raise."""
    model = build(program, problems)
    assert (model is None) == bool(problems)
    if model is not None:
        run(model)
    for found in problems:
        assert found.code and found.title
    return model is not None


@given(wild)
@settings(max_examples=100, deadline=None)
def test_no_tree_is_too_wild(program: ast.Program) -> None:
    check(program, Problems())


# Mostly legal texts -------------------------------------------------------------------

GROUPS = {
    liv.name: " ".join(liv.groups)
    for liv in {
        liv.template.kind: liv
        for liv in prelude().classes.values()
        if not liv.of  # no difference
    }.values()
}
"""A class of each operator, and its groups."""
CLASSES = (*GROUPS, "SA-1-Diff", "SA-1(window = 8)", "Mamba-2", "RG-LRU", "attn_1")
NEW = ("a", "b", "c1", "attn_1", "mlp_2", "a_1", "m_again_1", "parallel_3", "conv", "m")


class Text:
    """A backbone whose sharing points back at LIVs of the same spelling, mostly."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.labels: dict[str, str] = {}

    def use(self, branch: bool = False) -> str:
        random = self.random
        known = random.choice(list(self.labels)) if self.labels else ""
        share = random.random() if known else 1.0
        liv = self.labels[known] if share < 0.6 else random.choice(CLASSES)
        if branch:
            liv = liv.replace("-Diff", "")
        clause, groups = "", GROUPS.get(liv.split("(")[0].replace("-Diff", ""), "")
        if share < 0.2:
            clause = f" weights from {known}"
        elif share < 0.4 and groups:
            of = groups.split()
            taken = random.sample(of, min(random.randint(1, 2), len(of)))
            clause = f" {', '.join(taken)} from {known}"
        elif share < 0.5 and not branch:
            liv, clause = liv.split("(")[0], f" same as {known}"
        free = [label for label in NEW if label not in self.labels]
        if not free or random.random() < 0.4:
            return liv + clause
        label = random.choice(free)
        self.labels[label] = liv
        return f"{label}: {liv}{clause}"

    def steps(self, depth: int = 0) -> str:
        lines = []
        for _ in range(self.random.randint(1, 4)):
            kind = self.random.random()
            if kind < 0.2 and depth < 3:
                lines.append(
                    f"{self.random.randint(1, 3)} x {{\n{self.steps(depth + 1)}}}"
                )
            elif kind < 0.3:
                branches = [
                    self.use(branch=True) for _ in range(self.random.randint(1, 3))
                ]
                lines.append(f"parallel {{ {'; '.join(branches)} }}")
            else:
                lines.append(self.use())
        return "".join(f"{line}\n" for line in lines)


@pytest.mark.parametrize(
    "seeds", [range(600), pytest.param(range(600, 100_600), marks=pytest.mark.slow)]
)
def test_what_is_legal_passes_every_pass(seeds: range) -> None:
    legal = 0
    for seed in seeds:
        print("seed", seed)
        text = f"backbone {{\n{Text(Random(seed)).steps()}}}\n"
        text += "model m { width = 64 }\nliv attn_1 = SA-1(heads = 2)\n"
        problems = Problems()
        legal += check(parse(Source(f"{seed}", text), problems), problems)
    assert legal > len(seeds) / 2
