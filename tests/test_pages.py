"""Every command that a page shows: that there is such a one, and that it runs."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import typer

from starc.cli.app import app

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
APP: Any = typer.main.get_command(app)


def commands(text: str) -> list[str]:
    """The lines that begin with `starc`, in order, and the blocks of Python."""
    text = re.sub(r" \\\n +", " ", text)
    found = r"^    (starc .*)|^\$ (starc .*)|^```python\n(?!# )([\s\S]*?)```"
    return [
        next(filter(None, groups)).split("  #")[0].split(" | ")[0].strip()
        for groups in re.findall(found, text, re.MULTILINE)
    ]


SHOWN = [
    pytest.param(command, id=f"{page.name}: {command}")
    for page in PAGES
    for command in dict.fromkeys(commands(page.read_text("utf-8")))
    if command.startswith("starc ")
]


@pytest.mark.parametrize("command", SHOWN)
def test_there_is_such_a_command(command: str) -> None:
    """With these options, and so many arguments."""
    _, name, *arguments = shlex.split(command, comments=True)
    if name.startswith("-"):
        assert any(name in parameter.opts for parameter in APP.params)
        return
    found: click.Command = APP.commands[name]
    found.make_context(name, arguments)


SMALL = """
model {name} {{ width = 32; vocab = 256; context = 64 }}
backbone {{ 2 x {{ SA-1(heads = 2); GMemless }} }}
"""
SHORTER = {
    "--steps 2000": "--steps 4",
    "--steps 4000": "--steps 6",
    "--minutes 5": "--steps 4",
    "--seeds 5": "--seeds 2 --context 64",
    "examples/search/tiny.star": "small.star",
    "--width 1024 --depth 32": "--width 128 --depth 24",
}
"""What the pages say of a run that is worth it, and what is enough to see it go."""


def python(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, (arguments, done.stderr)
    return done.stdout


def starc(folder: Path, *arguments: str) -> str:
    return python(folder, "-m", "starc", *arguments)


def run(page: str, folder: Path, known: dict[str, str]) -> None:
    """All of a page, in order; `known`: words of it, and what they are here."""
    asked = commands((ROOT / "docs" / page).read_text("utf-8"))
    assert len(asked) > 2
    for command in asked:
        for word, here in (SHORTER | known).items():
            command = command.replace(word, here)
        if command.startswith("starc "):
            starc(folder, *shlex.split(command)[1:])
        else:
            python(folder, "-c", known.get("python", "") + command)


@pytest.mark.slow
def test_the_page_of_training_runs(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text((ROOT / "README.md").read_text("utf-8"))
    (tmp_path / "model.star").write_text(SMALL.format(name="model"))
    starc(tmp_path, "compile", "model.star", "-o", "model.py")
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    run("training.md", tmp_path, {})


@pytest.mark.slow
def test_the_page_of_searching_runs(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    text = (ROOT / "examples" / "search" / "tiny.star").read_text()
    for long, short in (
        ("population  = 12", "population  = 4"),
        ("generations = 8", "generations = 2"),
        ("steps = 60, batch = 8", "steps = 2, batch = 2"),
        ("context = 1024", "context = 128"),
    ):
        assert long in text
        text = text.replace(long, short)
    (tmp_path / "small.star").write_text(text)
    for seed, name in enumerate(("first", "run-0", "run-1", "other")):
        starc(tmp_path, "evolve", "small.star", "-o", name, "--seed", str(seed))
    members = json.loads(starc(tmp_path, "front", "first", "--json"))
    best = str(members[0]["id"])  # of the seed that the file has
    known = {"run 32": f"run {best}", "tiny_32": f"tiny_{best}", "(32)": f"({best})"}
    run("evolve.md", tmp_path, known)


@pytest.mark.slow
def test_the_page_of_public_models_runs(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.SmolLM3Config(
        vocab_size=64,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
        pad_token_id=0,
    )
    model = transformers.SmolLM3ForCausalLM(config)
    model.save_pretrained(tmp_path / "SmolLM3-3B")
    run("zoo.md", tmp_path, {})
    assert (tmp_path / "theirs.safetensors").exists()


@pytest.mark.slow
def test_the_page_of_other_tools_runs(tmp_path: Path) -> None:
    """Its files of Python are tried in tests/export/test_integrations.py."""
    for library in ("transformers", "tokenizers", "gguf", "onnxscript"):
        pytest.importorskip(library)
    from safetensors.torch import save_file
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    from tests.emitted.helpers import load

    words = {chr(33 + n): n for n in range(90)} | {"</s>": 90, "<unk>": 91}
    made = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=made, eos_token="</s>", unk_token="<unk>"
    ).save_pretrained(tmp_path / "my_tokenizer")
    (tmp_path / "my_model.star").write_text(SMALL.format(name="my_model"))
    text = starc(tmp_path, "compile", "my_model.star", "--kernels", "none")
    weights = load(text).Model().state_dict()
    for path in ("w.safetensors", "runs/my_model/model.safetensors"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        save_file(weights, tmp_path / path)
    imports = "import torch\nfrom transformers import AutoModelForCausalLM\n"
    known = {"python": imports + "tokens = torch.zeros(2, 5).long()\n"}
    run("integrations.md", tmp_path, known)
