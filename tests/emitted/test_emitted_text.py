"""The text itself: formatted, linted, typed, the same bytes each time, on its own."""

import ast
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from random import Random

import black
import pytest
import torch

from starc import compiler
from starc.frontend.unparse import unparse
from starc.genome import decode, random_genome
from tests.emitted.helpers import OPTIONAL, load
from tests.emitted.parts import KERNELS, parsed
from tests.emitted.small import EXAMPLES, TEXTS, apart

ROOT = Path(__file__).parents[2]
GENOMES = 60


def genome_text(seed: int) -> str:
    random = Random(seed)
    genome = random_genome(
        random, random.randint(1, 24), labels=random.choice((1, 3, 9))
    )
    return unparse(decode(genome, width=128))


FEW = {path.stem: path.read_text() for path in EXAMPLES} | TEXTS
"""What is also compiled without the optional passes."""


@cache
def compiled(seeds: int) -> dict[str, str]:
    """The emitted files of all texts and of so many genomes, by name."""
    found = {}
    for name, text in FEW.items():
        found[name] = compiler.compile(text, f"{name}.star")
        found[f"{name}_plain"] = compiler.compile(text, f"{name}.star", OPTIONAL)
    for seed in range(seeds):
        name, text = f"genome_{seed}", genome_text(seed)
        found[name] = compiler.compile(text, f"{name}.star")
        if seed < len(OPTIONAL):
            left_out = sorted(OPTIONAL)[seed]
            plain = compiler.compile(text, f"{name}.star", {left_out})
            found[f"{name}_without_{left_out}"] = plain
    return found


@pytest.fixture(
    scope="module", params=[8, pytest.param(GENOMES, marks=pytest.mark.slow)]
)
def texts(request: pytest.FixtureRequest) -> dict[str, str]:
    return compiled(request.param)


@pytest.fixture(scope="module")
def files(texts: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with them."""
    folder = tmp_path_factory.mktemp("emitted")
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def run(*command: str | Path, **options: object) -> str:
    done = subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        **options,  # type: ignore[call-overload]
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return str(done.stdout)


def sampled(names: Iterable[str]) -> list[str]:
    """All names in the slow tests, else an eighth of those of texts and genomes, which
    have all that the examples have, and one whole file."""
    found = sorted(names)
    if f"genome_{GENOMES - 1}" in found:
        return found
    stems = {path.stem for path in EXAMPLES} - {"tiny_hybrid"}
    some = [name for name in found if name.removesuffix("_plain") not in stems]
    return [name for name in some if name == "tiny_hybrid" or some.index(name) % 8 == 0]


def test_black_has_nothing_to_add(texts: dict[str, str]) -> None:
    """To any class or function above the kernels, which `make check` formats where they
    are, nor to one whole file, where it is also seen how far they stand apart."""
    seen = {texts["tiny_hybrid"]}
    for name in sampled(texts):
        head, *others = texts[name].partition(KERNELS)[0].split("\n\n\n")
        seen |= {head.partition('"""')[2].partition('"""')[2].lstrip("\n"), *others}
    for text in sorted(seen):
        text = text.rstrip("\n") + "\n"
        assert black.format_str(text, mode=black.Mode()) == text


def test_black_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """To import it takes longer than a compilation."""
    monkeypatch.setitem(sys.modules, "black", None)
    for text in (*FEW.values(), *map(genome_text, range(8))):
        compiler.compile(text)


def test_no_line_is_too_long(texts: dict[str, str]) -> None:
    for name, text in texts.items():
        assert max(len(line) for line in text.split("\n")) <= 88, name
        assert text.endswith("\n") and not text.endswith("\n\n"), name
        assert text.isascii(), name


def _is_module(made: ast.ClassDef) -> bool:
    return [ast.unparse(base) for base in made.bases] == ["nn.Module"]


def test_forward_spells_out_what_it_takes(texts: dict[str, str]) -> None:
    """For readers, editors and type checkers: every argument by name, with its type."""
    for name, text in texts.items():
        methods = [
            node
            for made in parsed(text.partition(KERNELS)[0])
            if isinstance(made, ast.ClassDef) and _is_module(made)
            for node in made.body
            if isinstance(node, ast.FunctionDef) and node.name in ("forward", "hidden")
        ]
        assert len(methods) > 2
        for found in methods:
            given = found.args
            assert given.kwarg is None, name
            more = [given.vararg] if given.vararg else []
            for each in (*given.args[1:], *given.kwonlyargs, *more):
                assert each.annotation is not None, name
                assert ast.unparse(each.annotation) != "Any", name


def test_ruff_finds_nothing(files: Path) -> None:
    rules = ("--isolated", "--select", "F,E501,I", "--line-length", "88")
    run("-m", "ruff", "check", *rules, files)


def test_mypy_finds_nothing(files: Path) -> None:
    """In one run, which keeps what it knows about torch, and reads of it what
    `make check` reads."""
    names = sampled(path.stem for path in files.glob("*.py"))
    paths = [files / f"{name}.py" for name in names]
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]
    skipped = [each for each in ours["overrides"] if "follow_imports" in each]
    settings = files / "mypy.ini"
    settings.write_text(
        f"[mypy]\n[mypy-{','.join(skipped[0]['module'])}]\nfollow_imports = skip\n"
    )
    options = ["--config-file", str(settings), "--no-error-summary"]
    options += ["--cache-dir", str(ROOT / ".mypy_cache/emitted")]
    run("-m", "mypy", *options, *paths, cwd=files)


EMIT = """
import sys
from tests.emitted.test_emitted_text import compiled
for name, text in compiled(8).items():
    print(name, text, sep="\\n", end="")
"""


def test_the_same_bytes_whatever_the_order_of_sets() -> None:
    expected = "".join(f"{name}\n{text}" for name, text in compiled(8).items())
    environment = {**os.environ, "PYTHONHASHSEED": "1"}  # here it is another
    assert run("-c", EMIT, cwd=ROOT, env=environment) == expected


ALONE = """
import sys
sys.path.insert(0, sys.argv[1])
sys.modules["triton"] = None
import torch
import {name} as emitted
assert not [name for name in sys.modules if name.split(".")[0] == "starc"]
model = emitted.Model(emitted.Config(vocab=50))
tokens = torch.zeros(1, 3, dtype=torch.int64)
assert model(tokens).shape == (1, 3, 50)
assert model.generate(tokens, 2).tokens.shape == (1, 5)
"""


@pytest.mark.parametrize("name", ["star", "tiny_hybrid"])
def test_it_needs_neither_starc_nor_triton(files: Path, name: str) -> None:
    run("-I", "-c", ALONE.format(name=name), files, cwd=files)


def test_two_files_do_not_clash() -> None:
    """Of two models, and of one model in two versions."""
    texts = [
        compiler.compile(TEXTS["lfm2"], "a.star"),
        compiler.compile(TEXTS["star"], "b.star"),
        compiler.compile(TEXTS["lfm2"].replace("61", "40"), "a.star"),
        compiler.compile(TEXTS["lfm2"], "a.star", OPTIONAL),
    ]
    given = torch.zeros(1, 4, dtype=torch.int64)
    alone = []
    for text in texts:
        torch.manual_seed(0)
        alone.append(load(text).Model()(given))
    modules = [load(text) for text in texts]
    models = []
    for module in modules:
        torch.manual_seed(0)
        models.append(module.Model())
    for model, expected in zip(models, alone, strict=True):
        assert torch.equal(model(given), expected)
        assert apart(model(given, model.new_cache(1, 4)), expected) < 1e-5
