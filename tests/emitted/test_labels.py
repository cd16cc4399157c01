"""Any label works, wherever it becomes a name: of a LIV, a branch, a lent value."""

import ast
import keyword
import re
from collections import Counter
from random import Random

import pytest
from torch import nn

import starc
from starc import resources
from starc.backend.rename import safe
from starc.backend.reserved import RESERVED
from starc.compiler import to_ir
from tests.emitted.comparison import answer, check, check_decoding
from tests.emitted.helpers import emit
from tests.emitted.parts import parsed

BODY = """
model m {{ width = 24; vocab = 11; context = 16 }}
liv sa = SA-1(heads = 2)
backbone {{
  {0}: sa
  {1}: GConv-1
  2 x {{ {2}: sa k, v from {0}; {3}: sa q from {2} weights from {0} }}
  parallel {{ {4}: sa; {5}: Rec-1; {6}: sa k from {4} }}
  {7}: GConv-1-Diff
  {8}: GConv-1 weights from {1}
  {9}: sa k, v from {4}
  {10}: sa same as {0}
  {11}: GConv-1-Diff weights from {7}
}}
"""
SPECIAL = (
    "a",
    "b",
    "y",
    "k",
    "v",
    "u",
    "F",
    "State",
    "Cache",
    "Layer",
    "GConv",
    "for_a",
    "a_norm",
    "a_post",
    "a_post_norm",
    "blocks_2",
    "a_k",
    "a_input",
)
HOLES = 12
WORDS = sorted({*RESERVED, *keyword.kwlist, *SPECIAL} - {"parallel"})


def _words(code: str) -> set[str]:
    attributes = re.findall(r"\bself\.(\w+)", code)
    parameters = re.findall(r"\b(\w+): [A-Za-z]", code)
    return {word for word in (*attributes, *parameters) if not word.startswith("_")}


def test_every_attribute_of_torch_is_reserved() -> None:
    modules = (nn.Module, nn.Sequential, nn.ModuleDict, nn.ModuleList)
    names = {name for kind in modules for name in dir(kind()) if name[0] != "_"}
    assert names <= RESERVED


def test_every_name_of_a_named_tuple_is_reserved() -> None:
    assert {name for name in dir(tuple) if name[0] != "_"} | {"new"} <= RESERVED


def test_every_name_of_the_model_and_its_layers_is_reserved() -> None:
    text = resources.read("templates", "model.py.j2")
    model = text[text.index("class {{ plan.model }}") : text.index("plan.classes")]
    code = re.sub(r'""".*?"""|#[^\n]*', "", model, flags=re.DOTALL)
    assert _words(code) <= RESERVED


def test_no_two_labels_become_one() -> None:
    labels = [word + "_" * n for word in WORDS for n in range(4)]
    assert len({safe(label) for label in labels}) == len(labels)
    assert safe("attn") == "attn" and safe("forward") == "forward_"


def compute(labels: list[str]) -> None:
    """What the reference says of the architecture, with these labels in it."""
    model = to_ir(BODY.format(*labels))
    made = emit(model)
    expected = answer(made.ir, 11)
    check(made, expected)
    check_decoding(made, expected)


@pytest.mark.parametrize("start", range(0, len(WORDS), HOLES))
def test_every_word_as_a_label(start: int) -> None:
    words = (WORDS * 2)[start : start + HOLES]
    compute(words)


@pytest.mark.parametrize("seed", range(6))
def test_every_place_for_any_word(seed: int) -> None:
    compute(Random(seed).sample(WORDS, HOLES))


def test_a_label_that_reads_as_a_side_of_another() -> None:
    labels = ["p", "p_a", "n", "o", "t", "p_t", "s", "p_p", "r", "w", "z", "p_p_a"]
    compute(labels)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(500))
def test_labels_at_random(seed: int) -> None:
    random = Random(seed)
    parts = ["a", "b", "p", "k", "y", "for", *random.sample(WORDS, 8)]
    labels: set[str] = set()
    while len(labels) < HOLES:
        label = "_".join(random.choices(parts, k=random.randint(1, 2)))
        labels.add(label[:80])
    compute(random.sample(sorted(labels), HOLES))


def bound(text: str) -> Counter[str]:
    """How often the top level of a file binds each name, under `if` and `try` too."""
    found: Counter[str] = Counter()
    waiting = parsed(text)
    while waiting:
        match waiting.pop():
            case ast.If(body=body) | ast.Try(body=body):
                waiting += body
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                found[name] += 1
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                found.update((a.asname or a.name).partition(".")[0] for a in names)
            case ast.Assign(targets=targets):
                found.update(t.id for t in targets if isinstance(t, ast.Name))
            case _:
                pass
    return found


NAMED = """\
model {} {{ width = 64; vocab = 64 }}
backbone {{
  2 x {{ 2 x {{ MHA(rope = true) }}; parallel {{ GQA; ShortConv }} }}
}}
"""


def test_a_model_may_be_called_as_anything_in_its_file() -> None:
    """Blocks, states, operators, kernels, imports: the class has a name of its own."""
    names = bound(starc.compile(NAMED.format("m"))) - Counter(["torch"])
    assert {"Block", "InnerBlock", "BlockState", "States", "Callable"} <= set(names)
    for name in names:
        if re.fullmatch("[A-Za-z][A-Za-z0-9]*", name):
            again = bound(starc.compile(NAMED.format(name)))
            assert max(again.values()) == 1, (name, again.most_common(2))
