"""CPU times of the kernels against the obvious code, in one run.

    python -m benchmarks.kernels_cpu [--wheels DIR] [--repeat 15] [--clock wall]
                                     [--only KERNEL ...]

Outputs and gradients of a pair are compared first. Then the two run in turns (ours,
theirs, ours, ...), so that a busy machine slows both; a ratio is that of the medians.
Baselines are written here and named for what they are, but for mamba.py (`pip download
--no-deps mambapy` into DIR, or installed): without it its rows are left out. On a
machine that others load, wall time of two threads says little: there, `--threads 1
--clock cpu` counts processor time. Writes benchmarks/results/kernels_cpu.json: all runs
of which something stands, with the machine of each; --only takes the place of what is
there of these kernels.
"""

import argparse
import importlib
import json
import statistics
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks import machine
from benchmarks.gpu import find_peers, install
from kernels.channel_delta import channel_delta
from kernels.gated_conv import gated_conv, gated_conv_fused
from kernels.gated_delta import gated_delta
from kernels.linear_recurrence import linear_recurrence
from kernels.selective_scan import selective_scan
from kernels.short_conv import short_conv
from kernels.ssd import ssd

RESULTS = Path(__file__).parent / "results" / "kernels_cpu.json"
SHAPE = (1, 2048, 1024)  # S1 of the facts
SMALL = (4, 512, 512)  # S2
SAME = {torch.float32: 1e-4, torch.bfloat16: 3e-2}
"""Largest relative norm of a difference between the two of a pair."""


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


def fused_gated_conv1d(bcx: Tensor, weight: Tensor) -> Tensor:
    b, c, x = bcx.chunk(3, dim=-1)
    return gated_conv1d(b, c, x, weight)


def silu_conv1d(x: Tensor, weight: Tensor) -> Tensor:
    return F.silu(conv1d(x, weight))


def loop(a: Tensor, b: Tensor) -> Tensor:
    """h_t = a_t h_{t-1} + b_t, one step at a time, under autograd."""
    h, hs = torch.zeros_like(b[:, 0]), []
    for t in range(b.shape[1]):
        h = a[:, t] * h + b[:, t]
        hs.append(h)
    return torch.stack(hs, 1)


def delta_loop(q: Tensor, k: Tensor, v: Tensor, log: Tensor, beta: Tensor) -> Tensor:
    """The delta rule a token at a time, under autograd; log (B, L, H) or (.., N)."""
    state, ys = v.new_zeros(len(v), v.shape[2], k.shape[3], v.shape[3]), []
    for t in range(v.shape[1]):
        a = log[:, t].exp()
        state = state * a.reshape(*a.shape[:2], -1, 1)
        held = (state * k[:, t].unsqueeze(3)).sum(2)
        change = (v[:, t] - held) * beta[:, t].unsqueeze(2)
        state = state + k[:, t].unsqueeze(3) * change.unsqueeze(2)
        ys.append((state * q[:, t].unsqueeze(3)).sum(2))
    return torch.stack(ys, 1)


def delta_steps(q: Tensor, k: Tensor, v: Tensor, log: Tensor, beta: Tensor) -> Tensor:
    """The same with as little as a loop can do: all is prepared before it, and a token
    is two products and an outer one."""
    state, ys = v.new_zeros(len(v), v.shape[2], k.shape[3], v.shape[3]), []
    a = log.exp().reshape(*v.shape[:3], -1, 1)
    rows = [z.unsqueeze(3) for z in (q, k, v)]
    inputs = (*rows, k.unsqueeze(4), a, beta[..., None, None])
    for q, k, v, key, a, rate in zip(*(z.unbind(1) for z in inputs), strict=True):
        state = state * a
        state = torch.addcmul(state, key, (v - k @ state) * rate)
        ys.append((q @ state).squeeze(2))
    return torch.stack(ys, 1)


def mamba_py_pscan(a: Tensor, b: Tensor) -> Tensor:
    """Its parallel scan over (B, L, D, N), with N = 1."""
    scan = importlib.import_module("mambapy.pscan").pscan
    h: Tensor = scan(a.unsqueeze(3), b.unsqueeze(3))
    return h.squeeze(3)


def mamba_py_scan(
    x: Tensor, dt: Tensor, a_log: Tensor, b: Tensor, c: Tensor, skip: Tensor
) -> Tensor:
    """The method that its Mamba block calls, which uses nothing of the block."""
    block = importlib.import_module("mambapy.mamba").MambaBlock
    y: Tensor = block.selective_scan(None, x, dt, -torch.exp(a_log), b, c, skip)
    return y


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


def forward(fn: Callable[..., Any], args: list[Tensor]) -> Callable[[], list[Tensor]]:
    def run() -> list[Tensor]:
        with torch.no_grad():
            return [first(fn(*args))]

    return run


def training(fn: Callable[..., Any], args: list[Tensor]) -> Callable[[], list[Tensor]]:
    leaves = [a.detach().requires_grad_() for a in args]
    dy = torch.randn(
        first(fn(*args)).shape, generator=torch.Generator().manual_seed(1)
    ).to(args[0].dtype)

    def run() -> list[Tensor]:
        return list(torch.autograd.grad(first(fn(*leaves)), leaves, dy))

    return run


def difference(ours: list[Tensor], theirs: list[Tensor]) -> float:
    """The largest relative norm of a difference."""
    return max(
        float((one.double() - other.double()).norm() / other.double().norm())
        for one, other in zip(ours, theirs, strict=True)
    )


def compare(
    ours: Callable[[], object], theirs: Callable[[], object], repeat: int
) -> tuple[float, float]:
    """Median milliseconds of both, run in turns."""
    times: list[tuple[float, float]] = []
    while len(times) < repeat and (len(times) < 3 or sum(map(sum, times)) < 20):
        times.append((machine.timed(ours, now), machine.timed(theirs, now)))
    one, other = zip(*times, strict=True)
    return statistics.median(one) * 1e3, statistics.median(other) * 1e3


def inputs(name: str, shape: tuple[int, int, int], dtype: torch.dtype) -> list[Tensor]:
    batch, length, dim = shape
    x, y, z = (torch.randn(shape, dtype=dtype) for _ in range(3))
    dt = torch.rand(shape).mul(0.1).to(dtype)
    if name == "gated_conv":
        return [x, y, z, torch.randn(dim, 3, dtype=dtype)]
    if name == "gated_conv_fused":
        return [torch.cat([x, y, z], -1), torch.randn(dim, 3, dtype=dtype)]
    if name == "short_conv":
        return [x, torch.randn(dim, 4, dtype=dtype)]
    if name == "linear_recurrence":
        return [torch.rand(shape).to(dtype), x]
    if name in ("gated_delta", "channel_delta"):
        q, k, v = (z.unflatten(2, (-1, 128)) for z in (x, y, z))
        log = -torch.rand(
            shape if name == "channel_delta" else (batch, length, dim // 128)
        )
        log = log.unflatten(2, (-1, 128)) if name == "channel_delta" else log
        beta = torch.rand(batch, length, dim // 128)
        q, k = (F.normalize(z, dim=3) for z in (q, k))
        return [q, k, v, log.to(dtype), beta.to(dtype)]
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
    "gated_conv_fused": gated_conv_fused,
    "short_conv": lambda x, w: short_conv(x, w, None, None, "silu"),
    "linear_recurrence": linear_recurrence,
    "selective_scan": selective_scan,
    "ssd": ssd,
    "gated_delta": gated_delta,
    "channel_delta": channel_delta,
}
CONV1D = "F.conv1d(groups=D)"
LOOP = "autograd loop over time"
# kernel, baseline, its name, dtype, least ratio asked of forward and backward
PAIRS: list[tuple[str, Callable[..., Any], str, torch.dtype, float | None]] = [
    ("gated_conv", gated_conv1d, CONV1D, torch.float32, 6),
    ("gated_conv", gated_conv1d, CONV1D, torch.bfloat16, None),
    ("gated_conv_fused", fused_gated_conv1d, CONV1D, torch.float32, 6),
    ("gated_conv_fused", fused_gated_conv1d, CONV1D, torch.bfloat16, None),
    ("short_conv", silu_conv1d, f"{CONV1D}, silu", torch.float32, None),
    ("short_conv", silu_conv1d, f"{CONV1D}, silu", torch.bfloat16, None),
    ("linear_recurrence", loop, LOOP, torch.float32, 100),
    ("linear_recurrence", mamba_py_pscan, "mamba.py pscan", torch.float32, 4),
    ("selective_scan", mamba_py_scan, "mamba.py selective_scan", torch.float32, 5),
    ("ssd", einsum_ssd, "einsum listing, Q=64", torch.float32, None),
    ("gated_delta", delta_loop, LOOP, torch.float32, 20),
    ("gated_delta", delta_steps, "bare loop over time", torch.float32, None),
    ("channel_delta", delta_loop, LOOP, torch.float32, 20),
    ("channel_delta", delta_steps, "bare loop over time", torch.float32, None),
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
            result[name] = (
                statistics.median(machine.timed(many, now) for _ in range(9)) * 1e4
            )
    return result


def version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def row(
    pair: tuple[str, Callable[..., Any], str, torch.dtype, float | None],
    shape: tuple[int, int, int],
    phase: str,
    repeat: int,
) -> dict[str, Any]:
    name, baseline, title, dtype, least = pair
    args = inputs(name, shape, dtype)
    make = training if phase == "fwd+bwd" else forward
    ours, theirs = make(OURS[name], args), make(baseline, args)
    error = difference(ours(), theirs())
    if not error < SAME[dtype]:
        raise SystemExit(f"{name} and {title} are not the same: {error:.1e}")
    ours_ms, theirs_ms = compare(ours, theirs, repeat)
    return {
        "kernel": name,
        "against": title,
        "shape": shape,
        "dtype": str(dtype).removeprefix("torch."),
        "pass": phase,
        "ours_ms": round(ours_ms, 3),
        "theirs_ms": round(theirs_ms, 3),
        "ratio": round(theirs_ms / ours_ms, 2),
        "asked": least if phase == "fwd+bwd" and shape == SHAPE else None,
    }


def written(runs: list[dict[str, Any]], new: dict[str, Any]) -> list[dict[str, Any]]:
    """Runs with another: without the rows of earlier ones that it has anew."""
    again = {row["kernel"] for row in new["rows"]}
    kept = []
    for run in runs:
        rows = [row for row in run["rows"] if row["kernel"] not in again]
        if rows:
            kept.append(run | {"rows": rows})
    return [*kept, new]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--wheels", type=Path, help="a folder with a wheel of mambapy")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=15)
    parser.add_argument("--only", nargs="+", choices=[*OURS], help="these kernels")
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    options = parser.parse_args()
    if options.clock == "cpu":
        global now
        now = time.process_time
    if options.wheels:
        print("peers:", install(options.wheels))
        find_peers()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    report = {
        "machine": machine.facts(),
        "repeat": options.repeat,
        "clock": options.clock,
        "mamba.py": version("mambapy"),
    }
    rows: list[dict[str, Any]] = []
    print(
        f"{'kernel':18} {'against':28} {'shape':16} {'pass':8}"
        f" {'ours ms':>9} {'theirs ms':>10} {'ratio':>7} {'asked':>6}"
    )
    for pair in PAIRS:
        if options.only and pair[0] not in options.only:
            continue
        if "mamba.py" in pair[2] and not report["mamba.py"]:
            print(f"{pair[0]:18} {pair[2]:28} is not here: see --wheels")
            continue
        for shape in SHAPE, SMALL:
            for phase in "forward", "fwd+bwd":
                done = row(pair, shape, phase, options.repeat)
                rows.append(done)
                print(
                    f"{done['kernel']:18} {done['against']:28}"
                    f" {'x'.join(map(str, shape)):16} {phase:8}"
                    f" {done['ours_ms']:9.2f} {done['theirs_ms']:10.2f}"
                    f" {done['ratio']:7.1f} {done['asked'] or '':>6} {done['dtype']}",
                    flush=True,
                )
    report["rows"] = rows
    runs = json.loads(RESULTS.read_text())["runs"] if options.only else []
    if not options.only:
        report["one_token_us"] = {k: round(v, 1) for k, v in tokens().items()}
        print("one token, us:", report["one_token_us"])
    report = {"runs": written(runs, report)}
    RESULTS.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
