"""Small models as Hugging Face folders, beside the emitted models that they hold."""

from functools import cache
from pathlib import Path
from random import Random
from tempfile import mkdtemp
from typing import Any

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

from starc import passes
from starc.backend.plan import make_plan
from starc.compiler import to_ir
from starc.export import hf
from starc.export.architecture import Architecture
from starc.frontend.unparse import unparse
from starc.genome import decode, published, random_genome
from starc.ir.nodes import Written
from starc.reference import random_weights
from starc.source import Source
from tests.emitted.helpers import emit
from tests.emitted.random_models import Sampler
from tests.emitted.small import SMALL

HOME = Path(mkdtemp(prefix="starc-export-"))
RANDOM = [f"random_{seed}" for seed in range(20)]
GENOMES = [f"genome_{seed}" for seed in range(20)]
ALL = (*SMALL, *GENOMES)
"""The examples, models of one operator each, and random genomes."""


def written(name: str) -> tuple[str, Written]:
    """A text and its model; a random model has no text."""
    if name in RANDOM:
        model = Sampler(int(name.removeprefix("random_"))).model()
        return "", model
    text = genome(int(name.removeprefix("genome_"))) if name in GENOMES else SMALL[name]
    return text, to_ir(text, f"{name}.star")


def genome(seed: int) -> str:
    """A random genome of some of the classes, as a text."""
    random = Random(seed)
    pool = random.sample(sorted(published()), 4)
    genes = random_genome(random, random.randint(2, 8), pool, random.choice((1, 3)))
    return unparse(decode(genes, width=32)).replace("50_304", "97")


def exported(name: str, dtype: torch.dtype = torch.float32) -> tuple[Path, Any]:
    """The folder, and the emitted model; each number of its weights matters."""
    return _exported(name, dtype)


@cache
def _exported(name: str, dtype: torch.dtype) -> tuple[Path, Any]:
    text, model = written(name)
    found = emit(model)
    weights = random_weights(found.ir, torch.Generator().manual_seed(0))
    plain = found.model(weights, dtype).eval()
    folder = HOME / f"{name}-{dtype}".replace("torch.", "")
    file = HOME / "weights.safetensors"
    save_file(plain.state_dict(), file)
    ir = passes.run(model)
    plan = make_plan(ir, f"{name}.star", (), triton=False)
    source = Source(f"{name}.star", text)
    hf.export(Architecture(source, ir, plan), folder, file, remote_code=True)
    return folder, plain


def loaded(name: str, dtype: torch.dtype = torch.float32, **how: Any) -> Any:
    """The folder as transformers loads it."""
    folder, _ = exported(name, dtype)
    how.setdefault("dtype", dtype)
    model: Any = AutoModelForCausalLM.from_pretrained(
        folder, trust_remote_code=True, **how
    )
    return model.eval()


def ids(model: Any, rows: int, length: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    vocab = model.config.vocab_size
    return torch.randint(1, vocab, (rows, length), generator=generator)
