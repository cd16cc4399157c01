"""CPU times of the kernels against the obvious code, in one run.

    python benchmarks/kernels_cpu.py [--threads 2] [--repeat 7] [--clock wall]

Each pair runs in turns (ours, theirs, ours, ...), so that a busy machine slows both;
the ratio is that of the medians. The baselines are written here and named for what they
are. On a machine that others load, wall time of two threads says little: there,
`--threads 1 --clock cpu` counts processor time. Writes
benchmarks/results/kernels_cpu.json, with the clock that was used.
"""

import argparse
import importlib.util
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "kernels_cpu.json"
SHAPE = (1, 2048, 1024)  # S1 of the facts
SMALL = (4, 512, 512)  # S2


def kernel(file: str, name: str) -> Callable[..., Any]:
    path = ROOT / "kernels" / f"{file}.py"
    spec = importlib.util.spec_from_file_location(f"kernel_{file}", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    call: Callable[..., Any] = getattr(module, name)
    return call


gated_conv = kernel("gated_conv", "gated_conv")
short_conv = kernel("short_conv", "short_conv")
linear_recurrence = kernel("linear_recurrence", "linear_recurrence")
selective_scan = kernel("selective_scan", "selective_scan")
ssd = kernel("ssd", "ssd")


# The baselines


def conv1d(x: Tensor, weight: Tensor) -> Tensor:
    """F.conv1d with groups, as transformers' Lfm2 and Mamba models call it."""
    y = F.conv1d(
        x.transpose(1, 2),
        weight.unsqueeze(1),
        padding=weight.shape[1] - 1,
        groups=x.shape[2],
    )
    return y[..., : x.shape[1]].transpose(1, 2)


def gated_conv1d(b: Tensor, c: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    return c * conv1d(b * x, weight)


def silu_conv1d(x: Tensor, weight: Tensor) -> Tensor:
    return F.silu(conv1d(x, weight))


def loop(a: Tensor, b: Tensor) -> Tensor:
    """h_t = a_t h_{t-1} + b_t, one step at a time, under autograd."""
    h, hs = torch.zeros_like(b[:, 0]), []
    for t in range(b.shape[1]):
        h = a[:, t] * h + b[:, t]
        hs.append(h)
    return torch.stack(hs, 1)


def odd_even_scan(a: Tensor, b: Tensor) -> Tensor:
    """Work-efficient parallel scan by recursion over pairs; time is dimension 1."""
    length = b.shape[1]
    if length == 1:
        return b
    odd = slice(1, None, 2)
    even = slice(0, length - length % 2, 2)
    pairs = odd_even_scan(
        a[:, odd] * a[:, even], torch.addcmul(b[:, odd], a[:, odd], b[:, even])
    )
    h = torch.empty_like(b)
    h[:, odd] = pairs
    h[:, 0] = b[:, 0]
    if length > 2:
        inner = slice(2, None, 2)
        h[:, inner] = torch.addcmul(
            b[:, inner], a[:, inner], pairs[:, : (length - 1) // 2]
        )
    return h


class OddEvenScan(torch.autograd.Function):
    """The scan with the scan itself, run backwards, as its gradient."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        h = odd_even_scan(a, b)
        ctx.save_for_backward(a, h)
        return h

    @staticmethod
    def backward(ctx: Any, dh: Tensor) -> tuple[Tensor, Tensor]:
        a, h = ctx.saved_tensors
        later = torch.cat([a[:, 1:], torch.zeros_like(a[:, :1])], 1)
        g = odd_even_scan(later.flip(1), dh.flip(1)).flip(1)
        da = torch.zeros_like(a)
        da[:, 1:] = g[:, 1:] * h[:, :-1]
        return da, g


def pscan(a: Tensor, b: Tensor) -> Tensor:
    h: Tensor = OddEvenScan.apply(a, b)  # type: ignore[no-untyped-call]
    return h


def materialised_scan(
    x: Tensor, dt: Tensor, a_log: Tensor, b: Tensor, c: Tensor, skip: Tensor
) -> Tensor:
    """Mamba with all (B, L, D, N) states in memory and the parallel scan above."""
    step = dt.unsqueeze(3)
    decay = torch.exp(step * -torch.exp(a_log))
    h = pscan(decay, step * x.unsqueeze(3) * b.unsqueeze(2))
    return (h @ c.unsqueeze(3)).squeeze(3) + skip * x


def einsum_ssd(
    x: Tensor, dt: Tensor, a_log: Tensor, b: Tensor, c: Tensor, skip: Tensor
) -> Tensor:
    """Listing 1 of Mamba-2 (chunks of 64), einsum by einsum."""
    chunk = 64
    b, c = (z.repeat_interleave(x.shape[2] // z.shape[2], 2) for z in (b, c))
    log = -dt * torch.exp(a_log)
    u, log, bc, cc = (
        z.reshape(z.shape[0], -1, chunk, *z.shape[2:])
        for z in (x * dt.unsqueeze(3), log, b, c)
    )
    log = log.permute(0, 3, 1, 2)  # (B, H, K, Q)
    total = log.cumsum(3)

    def decays(log: Tensor) -> Tensor:
        size = log.shape[-1]
        low = torch.ones(size, size, dtype=torch.bool).tril(-1)
        sums = log.unsqueeze(-1).expand(*log.shape, size).masked_fill(~low, 0)
        keep = torch.ones(size, size, dtype=torch.bool).tril()
        return sums.cumsum(-2).masked_fill(~keep, -torch.inf).exp()

    inside = torch.einsum("bclhn,bcshn,bhcls,bcshp->bclhp", cc, bc, decays(log), u)
    ends = (total[..., -1:] - total).exp()
    states = torch.einsum("bclhn,bhcl,bclhp->bchpn", bc, ends, u)
    states = torch.cat([torch.zeros_like(states[:, :1]), states], 1)
    between = decays(F.pad(total[..., -1], (1, 0)))
    states = torch.einsum("bhzc,bchpn->bzhpn", between, states)[:, :-1]
    past = torch.einsum("bclhn,bchpn,bhcl->bclhp", cc, states, total.exp())
    return (inside + past).reshape(x.shape) + x * skip.unsqueeze(1)


# Timing

now = time.perf_counter


def first(out: Any) -> Tensor:
    return out[0] if isinstance(out, tuple) else out  # type: ignore[no-any-return]


def forward(fn: Callable[..., Any], args: list[Tensor]) -> Callable[[], None]:
    def run() -> None:
        with torch.no_grad():
            fn(*args)

    return run


def training(fn: Callable[..., Any], args: list[Tensor]) -> Callable[[], None]:
    leaves = [a.detach().requires_grad_() for a in args]
    dy = torch.randn_like(first(fn(*args)))

    def run() -> None:
        torch.autograd.grad(first(fn(*leaves)), leaves, dy)

    return run


def clock(run: Callable[[], None]) -> float:
    start = now()
    run()
    return now() - start


def compare(
    ours: Callable[[], None], theirs: Callable[[], None], repeat: int
) -> tuple[float, float]:
    """Median milliseconds of both, run in turns after one warm-up each."""
    ours()
    theirs()
    times: list[tuple[float, float]] = []
    while len(times) < repeat and (len(times) < 3 or sum(map(sum, times)) < 20):
        times.append((clock(ours), clock(theirs)))
    return (
        statistics.median(t[0] for t in times) * 1e3,
        statistics.median(t[1] for t in times) * 1e3,
    )


def inputs(name: str, shape: tuple[int, int, int], dtype: torch.dtype) -> list[Tensor]:
    batch, length, dim = shape
    x, y, z = (torch.randn(shape, dtype=dtype) for _ in range(3))
    dt = torch.rand(shape).mul(0.1).to(dtype)
    if name == "gated_conv":
        return [x, y, z, torch.randn(dim, 3, dtype=dtype)]
    if name == "short_conv":
        return [x, torch.randn(dim, 4, dtype=dtype)]
    if name == "linear_recurrence":
        return [torch.rand(shape).to(dtype), x]
    skip = torch.randn(dim, dtype=dtype)
    if name == "selective_scan":
        a_log = torch.arange(1.0, 17).log().repeat(dim, 1).to(dtype)
        b, c = (torch.randn(batch, length, 16, dtype=dtype) for _ in "bc")
        return [x, dt, a_log, b, c, skip]
    heads = dim // 64
    b, c = (torch.randn(batch, length, 1, 128, dtype=dtype) for _ in "bc")
    a_log = torch.linspace(1, 16, heads).log().to(dtype)
    wide = x.reshape(batch, length, heads, 64)
    return [wide, dt[..., :heads].contiguous(), a_log, b, c, skip[:heads].contiguous()]


OURS: dict[str, Callable[..., Any]] = {
    "gated_conv": gated_conv,
    "short_conv": lambda x, w: short_conv(x, w, None, None, "silu"),
    "linear_recurrence": linear_recurrence,
    "selective_scan": selective_scan,
    "ssd": ssd,
}
# kernel, baseline, its name, dtype, least ratio asked of forward and backward
PAIRS: list[tuple[str, Callable[..., Any], str, torch.dtype, float | None]] = [
    ("gated_conv", gated_conv1d, "F.conv1d(groups=D)", torch.float32, 6),
    ("gated_conv", gated_conv1d, "F.conv1d(groups=D)", torch.bfloat16, None),
    ("short_conv", silu_conv1d, "F.conv1d(groups=D), silu", torch.float32, None),
    ("short_conv", silu_conv1d, "F.conv1d(groups=D), silu", torch.bfloat16, None),
    ("linear_recurrence", loop, "autograd loop over time", torch.float32, 100),
    ("linear_recurrence", pscan, "odd-even scan, own backward", torch.float32, None),
    (
        "selective_scan",
        materialised_scan,
        "materialised odd-even scan",
        torch.float32,
        5,
    ),
    ("ssd", einsum_ssd, "einsum listing, Q=64", torch.float32, None),
]


def tokens() -> dict[str, float]:
    """Microseconds of one token at width 1024, batch 1, float32."""
    d, x = 1024, torch.randn(1, 1, 1024)
    b, c = torch.randn(1, 1, 16), torch.randn(1, 1, 16)
    w3, w4, a_log, skip = (torch.randn(d, k) for k in (3, 4, 16, 1))
    calls: dict[str, Callable[[], Any]] = {
        "gated_conv K=3": lambda: gated_conv(x, x, x, w3, None, x.expand(1, 2, d)),
        "short_conv K=4": lambda: short_conv(x, w4, None, x.expand(1, 3, d), "silu"),
        "linear_recurrence": lambda: linear_recurrence(x, x, x[0]),
        "selective_scan N=16": lambda: selective_scan(
            x, x, a_log, b, c, skip[:, 0], a_log.unsqueeze(0)
        ),
    }
    result = {}
    with torch.inference_mode():
        for name, call in calls.items():

            def many(call: Callable[[], Any] = call) -> None:
                for _ in range(100):
                    call()

            many()
            result[name] = statistics.median(clock(many) for _ in range(9)) * 1e4
    return result


def machine() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(s.split(":")[1].strip() for s in lines if "model name" in s)
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    options = parser.parse_args()
    if options.clock == "cpu":
        global now
        now = time.process_time
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    rows: list[dict[str, Any]] = []
    head = f"{'kernel':18} {'against':28} {'shape':16} {'pass':8}"
    print(head + f" {'ours ms':>9} {'theirs ms':>10} {'ratio':>7} {'asked':>6}")
    for name, baseline, title, dtype, least in PAIRS:
        for shape in (SHAPE, SMALL):
            args = inputs(name, shape, dtype)
            for phase, make in (("forward", forward), ("fwd+bwd", training)):
                ours, theirs = compare(
                    make(OURS[name], args), make(baseline, args), options.repeat
                )
                asked = least if phase == "fwd+bwd" and shape == SHAPE else None
                kind = str(dtype).removeprefix("torch.")
                rows.append(
                    {
                        "kernel": name,
                        "against": title,
                        "shape": shape,
                        "dtype": kind,
                        "pass": phase,
                        "ours_ms": round(ours, 3),
                        "theirs_ms": round(theirs, 3),
                        "ratio": round(theirs / ours, 2),
                        "asked": asked,
                    }
                )
                print(
                    f"{name:18} {title:28} {'x'.join(map(str, shape)):16} {phase:8}"
                    f" {ours:9.2f} {theirs:10.2f} {theirs / ours:7.1f}"
                    f" {asked or '':>6} {kind}",
                    flush=True,
                )
    steps = {k: round(v, 1) for k, v in tokens().items()}
    print("one token, us:", steps)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    report = {
        "machine": machine(),
        "torch": torch.__version__,
        "threads": options.threads,
        "repeat": options.repeat,
        "clock": options.clock,
        "rows": rows,
        "one_token_us": steps,
    }
    RESULTS.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
