"""One right call of every command, made from the app itself, and a process for many."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from math import prod
from pathlib import Path
from typing import Any

import typer

from starc.cli.app import app

from .conftest import ROOT

APP = typer.main.get_command(app)
COMMANDS: dict[str, Any] = dict(sorted(APP.commands.items()))  # type: ignore[attr-defined]

VALUES = {
    "FILE": "good.star",
    "FILES...": "good.star other.star",
    "A": "good.star",
    "B": "other.star",
    "RUN": "run",
    "RUN...": "run",
    "PATHS...": "good.star run",
    "GENOME": "21211-31112",
    "CODE": "unknown-liv",
    "ID": "1",
    "DIR": "out",
    "PATH": "public",
    "OUT": "converted.safetensors",
    "NAME": "begun",
}
"""What is given for an argument, by its metavar. A new one needs a line here."""

SMALL = ["--steps", "1", "--batch", "1", "--context", "8", "--data", "text.txt"]
BESIDES = {
    "train": [*SMALL, "--sample", "4"],
    "compare": [*SMALL, "--seeds", "1"],
}
"""What keeps a call short."""

INSTEAD = {
    "convert": {"FILE": "public.star"},
    "evolve": {"FILE": "search.star"},
    "export": {"OUT": "exported"},
    "recover": {"FILE": "vendored/small.py"},
    "verify": {"PATHS...": "vendored"},
    "upgrade": {"PATHS...": "vendored"},
}
"""Where a command needs another value."""

HEAVY = {"train", "compare", "export"}
"""Take about a second."""

MODEL = """\
model good {{
  width   = 64
  vocab   = 256
  context = 32
}}

backbone {{ SA-1; {liv} }}
"""
SEARCH = """\
search {
  pool = [GMemless, SA-1]
  depth = 2
  population = 4
  generations = 2
  trainer = simulated
}
model s { width = 64; vocab = 256 }
"""
PUBLIC = {
    "model_type": "llama",
    "vocab_size": 11,
    "hidden_size": 8,
    "intermediate_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 1,
    "tie_word_embeddings": True,
}
PUBLIC_STAR = """\
model public {
  width   = 8
  vocab   = 11
  context = 2048
  eps     = 1e-6
}

backbone { MHA(heads = 1); SwiGLU(hidden = 8) }
"""
PUBLIC_SHAPES = {
    "model.embed_tokens.weight": (11, 8),
    "model.norm.weight": (8,),
    "model.layers.0.input_layernorm.weight": (8,),
    "model.layers.0.post_attention_layernorm.weight": (8,),
    **{f"model.layers.0.self_attn.{name}_proj.weight": (8, 8) for name in "qkvo"},
    **{f"model.layers.0.mlp.{n}_proj.weight": (8, 8) for n in ("gate", "up", "down")},
}


def write_zeros(path: Path, shapes: dict[str, tuple[int, ...]]) -> None:
    """A safetensors file of float32, made by hand: this process has no torch."""
    header, place = {}, 0
    for name, shape in shapes.items():
        size = 4 * prod(shape)
        header[name] = {
            "dtype": "F32",
            "shape": shape,
            "data_offsets": [place, place + size],
        }
        place += size
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(place))


def metavar(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name).strip("[]{}")


def arguments(name: str) -> list[str]:
    """A right call: every argument, and the options that are required."""
    found = [name]
    for parameter in COMMANDS[name].params:
        is_option = parameter.param_type_name == "option"
        if is_option and not parameter.required:
            continue
        value = INSTEAD.get(name, {}).get(metavar(parameter))
        found += [parameter.opts[0]] if is_option else []
        found += (value or VALUES[metavar(parameter)]).split()
    return [*found, *BESIDES.get(name, [])]


def furnish(folder: Path) -> None:
    """The files that the calls name."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "good.star").write_text(MODEL.format(liv="GMemless"))
    (folder / "other.star").write_text(MODEL.format(liv="GConv-1"))
    (folder / "bad.star").write_text("model { width = }")
    (folder / "search.star").write_text(SEARCH)
    (folder / "text.txt").write_text("some text to learn from, " * 40)
    (folder / "public.star").write_text(PUBLIC_STAR)
    (folder / "public").mkdir()
    (folder / "public" / "config.json").write_text(json.dumps(PUBLIC))
    write_zeros(folder / "public" / "model.safetensors", PUBLIC_SHAPES)
    (folder / "vendored").mkdir()
    (folder / "vendored" / "small.star").write_text(MODEL.format(liv="GMemless"))


def furnished(folder: Path) -> Path:
    """A folder with these files, the run of a search, and a vendored file."""
    furnish(folder)
    calls = (
        "evolve search.star -o run",
        "vendor vendored/small.star --into vendored",
    )
    cases = [{"arguments": call.split(), "folder": str(folder)} for call in calls]
    for found in served(cases, folder.parent):
        assert found["code"] == 0, found
    return folder


def served(cases: Iterable[dict[str, Any]], folder: Path) -> Iterator[dict[str, Any]]:
    """Results of the cases (served.py), in order, from one process."""
    asked, results = folder / "cases", folder / "results"
    asked.write_text("".join(json.dumps(case) + "\n" for case in cases))
    done = subprocess.run(
        [sys.executable, str(Path(__file__).parent / "served.py"), asked, results],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for line in results.read_text().splitlines():
        yield json.loads(line)
