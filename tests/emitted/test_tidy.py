"""Emitted text comes as black leaves it, and black is not called: it takes longer."""

from random import Random
from unittest import mock

import black
import pytest

from starc import compiler, resources
from starc.backend import classes
from starc.backend import render as rendering
from starc.backend.code import LIMIT, Call, assigned
from starc.backend.layout import fitted
from starc.frontend.unparse import unparse
from starc.genome import decode, random_genome
from tests.emitted.parts import KERNELS, parsed
from tests.emitted.small import TEXTS


def test_no_genome_needs_black(monkeypatch: pytest.MonkeyPatch) -> None:
    random = Random(0)
    untidied: list[str] = []

    def kept(text: str) -> str:
        untidied.append(text)
        return text

    monkeypatch.setattr(rendering, "tidy", kept)
    for labels in (1, 3, 8, 40) * 5:
        genome = random_genome(random, 24, labels=labels)
        compiler.compile(unparse(decode(genome)))
    for text in untidied:
        assert max(map(len, text.partition(KERNELS)[0].split("\n"))) <= LIMIT
    for text in untidied[:3]:
        text = text.partition(KERNELS)[0] + "\n"
        assert black.format_str(text, mode=black.Mode()) == text


def test_no_text_depends_on_the_models_before_it() -> None:
    """A class is written once in a process: what is kept is what would be written."""
    random = Random(1)
    genomes = [random_genome(random, 12, labels=n) for n in (1, 3, 12) * 12]
    texts = [unparse(decode(genome)) for genome in genomes]
    texts += [TEXTS[name] for name in sorted(TEXTS)]
    kept = [compiler.compile(text) for text in texts]
    for text, before in zip(texts, kept, strict=True):
        classes._written.cache_clear()
        classes._parallel_written.cache_clear()
        assert compiler.compile(text) == before


def test_black_formats_only_what_is_too_long() -> None:
    """And what it makes of a definition alone is what it makes of it in the file."""
    label = "n" * 76
    uses = f"{label}: MHA; GLA; MHA same as {label}"
    text = f"model {{ width = 64 }}\nbackbone {{ {uses} }}"
    untidied: list[str] = []

    def kept(text: str) -> str:
        untidied.append(text)
        return ""

    with mock.patch.object(rendering, "tidy", kept):
        compiler.compile(text)
    asked: list[str] = []
    real = black.format_str

    def counted(text: str, mode: black.Mode) -> str:
        asked.append(text)
        return real(text, mode=mode)

    with mock.patch.object(black, "format_str", counted):
        found = compiler.compile(text)
    assert found == real(untidied[0], mode=black.Mode())
    assert 0 < sum(map(len, asked)) < len(found) / 3


def test_black_is_asked_for_no_more_than_it_does_in_a_second() -> None:
    uses = "".join(f"{'n' * 76}{index:04}: MHA\n" for index in range(1_000))
    with mock.patch.object(black, "format_str", side_effect=AssertionError):
        found = compiler.compile(f"model {{ width = 64 }}\nbackbone {{ {uses} }}")
    parsed(found)


@pytest.mark.parametrize("name", resources.names("kernels"))
def test_comments_of_vendored_kernels_fit(name: str) -> None:
    """Their docstrings become comments, which are two columns wider."""
    if name.endswith(".py"):
        docstring = resources.read("kernels", name).split('"""')[1]
        assert max(map(len, docstring.split("\n"))) <= LIMIT - len("# ")


def as_black_leaves_it(lines: list[str]) -> bool:
    text = "\n".join(["def f():", *lines, ""])
    return black.format_str(text, mode=black.Mode()) == text


@pytest.mark.parametrize("size", [3, 12, 30, 60])
@pytest.mark.parametrize("lent", [0, 1, 4])
def test_assigned(size: int, lent: int) -> None:
    name = "n" * size
    targets = ["x", *(f"{name}_{index}" for index in range(lent))]
    norm = Call(f"self.{name}_norm", ("x",))
    value = Call(f"self.{name}", (norm, name, f"states and states.{name}"))
    lines = assigned(targets, value, 4)
    assert max(map(len, lines)) <= LIMIT and as_black_leaves_it(lines)


@pytest.mark.parametrize("size", [3, 20, 33, 40])
def test_fitted(size: int) -> None:
    name = "n" * size
    lines = fitted(f"        y = scan(x, {name}.a, {name}.b)  # (B, T, D)")
    assert max(map(len, lines)) <= LIMIT
    assert as_black_leaves_it([line[4:] for line in lines])
