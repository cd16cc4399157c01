"""The emitted LFM2-350M on a GPU, and transformers': a token, a training step."""

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.gpu_measure import Row, add_peer, row
from benchmarks.gpu_timing import Machine, Timer
from starc.backend.code import reads
from starc.backend.vendor import Kernels

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "golden" / "lfm2_350m.py"


@dataclass(frozen=True)
class Sizes:
    """Those of LFM2-350M, which tests make smaller."""

    vocab: int = 65_536
    width: int = 1024
    hidden: int = 4608
    heads: int = 16
    kv_heads: int = 8
    head_dim: int = 64


LFM2_350M = Sizes()


def source() -> str:
    """The emitted file, made without the compiler's libraries: golden and kernels."""
    golden = GOLDEN.read_text(encoding="utf-8").rstrip("\n")
    return "\n\n\n".join([golden, *Kernels(sorted(reads(golden))).texts()]) + "\n"


def emitted(device: str, sizes: Sizes = LFM2_350M) -> Any:
    """The emitted model with random weights in bfloat16; its class exists only now."""
    path = ROOT / "build" / "lfm2_350m.py"  # Triton reads the source of its kernels
    path.parent.mkdir(exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != source():
        path.write_text(source(), encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    with torch.device(device):
        model = module.Model(module.Config(**vars(sizes)))
    return model.to(torch.bfloat16)


def of_transformers(device: str, sizes: Sizes = LFM2_350M) -> Any:
    """Lfm2ForCausalLM of the same shape with the emitted model's weights."""
    from benchmarks import lfm2  # imports transformers, which may not be here

    ours = emitted(device, sizes)
    with torch.device(device):
        model = lfm2.of_transformers(ours)
    for parameter in model.parameters():  # not the frequencies of the positions
        parameter.data = parameter.data.to(torch.bfloat16)
    return model


@dataclass(frozen=True)
class Decode:
    """A token at batch 1: the time of `more` tokens, that of the prompt taken off."""

    name: str = "LFM2-350M, one token"
    peer: str = "transformers eager"
    sizes: Sizes = LFM2_350M
    device: str = "cuda"
    more: int = 256
    """Ours: a graph is captured in each call, and the capture's time varies."""
    theirs_more: int = 32

    def ours(self, machine: Machine, timer: Timer) -> list[Row]:
        model = emitted(self.device, self.sizes).eval()
        prompt = self.prompt()

        def generate(tokens: int) -> Tensor:
            out: Tensor = model.generate(prompt, tokens, temperature=0.0).tokens
            return out

        ms = _token(generate, timer, self.more)
        weights = sum(p.numel() * p.element_size() for p in model.parameters())
        floor = 1e3 * weights / machine.bytes_per_second
        alike = self.graph_gives_plain_tokens(prompt)
        found = row(self.name, "decode", ms, floor, 1.5)
        return [found | {"graph_gives_plain_tokens": alike}]

    def theirs(self, rows: list[Row], timer: Timer) -> list[Row]:
        model = of_transformers(self.device, self.sizes).eval()
        prompt = self.prompt()

        def generate(tokens: int) -> Tensor:
            out: Tensor = model.generate(
                prompt, max_new_tokens=tokens, min_new_tokens=tokens, do_sample=False
            )
            assert out.shape[1] == prompt.shape[1] + tokens
            return out

        add_peer(rows[0], self.peer, _token(generate, timer, self.theirs_more), 5)
        return []

    def prompt(self) -> Tensor:
        return torch.randint(0, self.sizes.vocab, (1, 16), device=self.device)

    @torch.no_grad()
    def graph_gives_plain_tokens(self, prompt: Tensor, more: int = 32) -> bool:
        """Whether replays of a CUDA graph give the tokens of single calls, float32."""
        model = emitted(self.device, self.sizes).float()
        cache = model.new_cache(1, prompt.shape[1] + more)
        tokens = new = prompt
        for _ in range(more):
            new = model(new, cache)[:, -1:].argmax(dim=-1)
            tokens = torch.cat((tokens, new), dim=1)
        made = model.generate(prompt, more, temperature=0.0)
        return torch.equal(tokens, made.tokens)


def _token(generate: Callable[[int], Tensor], timer: Timer, more: int) -> float:
    long = timer.milliseconds(lambda: generate(8 + more))
    short = timer.milliseconds(lambda: generate(8))
    return max(long - short, 1e-6) / more


@dataclass(frozen=True)
class Training:
    """Forward and backward of 8 x 4096 tokens, both compiled, and the peak of memory.

    The floor is 6 operations a parameter and token at the measured matmul rate.
    """

    name: str = "LFM2-350M, 8 x 4096"
    peer: str = "transformers compiled"
    sizes: Sizes = LFM2_350M
    device: str = "cuda"
    batch: int = 8
    length: int = 4096
    compile: Callable[[nn.Module], Callable[..., Any]] = torch.compile

    def ours(self, machine: Machine, timer: Timer) -> list[Row]:
        model = emitted(self.device, self.sizes).train()
        ms, peak = self.step(model, self.compile(model), timer)
        parameters = sum(p.numel() for p in model.parameters())
        work = 6 * parameters * self.batch * self.length
        floor = 1e3 * work / machine.flops_per_second
        return [row(self.name, "training", ms, floor, None) | {"peak_bytes": peak}]

    def theirs(self, rows: list[Row], timer: Timer) -> list[Row]:
        model = of_transformers(self.device, self.sizes).train()
        compiled = self.compile(model)

        def logits(tokens: Tensor) -> Tensor:
            out: Tensor = compiled(tokens, use_cache=False).logits
            return out

        ms, peak = self.step(model, logits, timer)
        add_peer(rows[0], self.peer, ms, 1.2, peak_bytes=peak)
        return []

    def step(
        self, model: nn.Module, logits: Callable[[Tensor], Tensor], timer: Timer
    ) -> tuple[float, int]:
        """Milliseconds, and the most bytes in use, without what compilation took."""
        size = (self.batch, self.length)
        tokens = torch.randint(0, self.sizes.vocab, size, device=self.device)

        def run() -> None:
            out = logits(tokens)[:, :-1].flatten(0, 1)
            F.cross_entropy(out, tokens[:, 1:].flatten()).backward()
            model.zero_grad(set_to_none=True)

        run()
        cuda = tokens.is_cuda
        if cuda:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        ms = timer.milliseconds(run)
        return ms, torch.cuda.max_memory_allocated() if cuda else 0


Task = Decode | Training
TASKS: tuple[Task, ...] = (Decode(), Training())
