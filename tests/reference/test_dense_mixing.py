"""Every T(x) against another way to the same output: loops over time, torch's own
convolution and attention. Outputs and gradients, in float64."""

import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from starc.operators.attention.operator import Attention
from starc.operators.gated_conv.operator import GatedConv
from starc.operators.gated_linear_attention.operator import GatedLinearAttention
from starc.operators.glu.operator import Glu
from starc.operators.linear_attention.operator import LinearAttention
from starc.operators.long_conv.operator import LongConv
from starc.operators.min_gru.operator import MinGru
from starc.operators.rg_lru.operator import RgLru
from starc.operators.selective_scan.operator import SelectiveScan
from starc.operators.ssd.operator import Ssd
from starc.reference.features import featurize
from starc.reference.mixing import mixing_of
from starc.reference.weights import random_weights
from tests.reference.models import liv, model, seeded
from tests.reference.operators import OPERATORS

Values = dict[str, Tensor]
BATCH, LENGTH, EPS = 2, 9, 1e-5


def attention(op: Attention, f: Values, p: Values) -> Tensor:
    q, k, v = (
        f[g].unflatten(-1, (-1, op.head_dim)).transpose(1, 2) for g in ("q", "k", "v")
    )
    i, j = torch.arange(LENGTH)[:, None], torch.arange(LENGTH)
    mask = (j <= i) & (j > i - (op.window or LENGTH))
    y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=True)
    y = y.transpose(1, 2)
    if op.gated:
        y = y * f["gate"].sigmoid()[..., None]
    return y.flatten(2)


def gated_conv(op: GatedConv, f: Values, p: Values) -> Tensor:
    b, c = f["b"], f["c"]
    if op.sigmoid_gates:
        b, c = b.sigmoid(), c.sigmoid()
    return c * causal_conv(b * f["x"], p["filter"], p.get("filter_bias"))


def long_conv(op: LongConv, f: Values, p: Values) -> Tensor:
    """One token and one lag at a time."""
    u = f["b"] * f["x"]
    rows = []
    for i in range(LENGTH):
        row = p["skip"] * u[:, i]
        for lag in range(i + 1):
            row = row + filter_at(op, p, lag) * u[:, i - lag]
        rows.append(f["c"][:, i] * row)
    return torch.stack(rows, 1)


def filter_at(op: LongConv, p: Values, lag: int) -> Tensor:
    t = lag / op.context
    angle = 2 * torch.pi * t * torch.arange(op.frequencies, dtype=torch.float64)
    position = torch.cat(
        [torch.tensor([t], dtype=torch.float64), angle.cos(), angle.sin()]
    )
    hidden = F.linear(position, p["filter_in.weight"], p["filter_in.bias"]).sin()
    hidden = F.linear(hidden, p["filter_mid.weight"], p["filter_mid.bias"]).sin()
    share = torch.arange(op.inner).double() / (op.inner - 1)
    rate = 4.6 + (4.6 / 0.3 - 4.6) * share
    return F.linear(hidden, p["filter_out.weight"]) * torch.exp(-rate * t)


def selective_scan(op: SelectiveScan, f: Values, p: Values) -> Tensor:
    h = torch.zeros(BATCH, op.inner, op.states).double()
    rows = []
    for t in range(LENGTH):
        dt = F.softplus(F.linear(f["dt"][:, t], p["dt_weight"], p["dt_bias"]))
        x, b, c = (f[group][:, t] for group in "xbc")
        h = torch.exp(dt[..., None] * -p["a_log"].exp()) * h
        h = h + (dt * x)[..., None] * b[:, None]
        y = (h * c[:, None]).sum(-1) + p["skip"] * x
        rows.append(y * F.silu(f["z"][:, t]) if op.gated else y)
    return torch.stack(rows, 1)


def ssd(op: Ssd, f: Values, p: Values) -> Tensor:
    h = torch.zeros(BATCH, op.heads, op.head_dim, op.states).double()
    each = op.heads // op.state_groups
    rows = []
    for t in range(LENGTH):
        dt = F.softplus(f["dt"][:, t] + p["dt_bias"])
        x = f["x"][:, t].unflatten(-1, (op.heads, op.head_dim))
        b, c = (
            f[g][:, t].unflatten(-1, (-1, op.states)).repeat_interleave(each, 1)
            for g in "bc"
        )
        h = torch.exp(-dt * p["a_log"].exp())[..., None, None] * h
        h = h + dt[..., None, None] * x[..., None] * b[:, :, None]
        rows.append((h @ c[..., None])[..., 0] + p["skip"][:, None] * x)
    y = torch.stack(rows, 1).flatten(2) * F.silu(f["z"])
    return F.rms_norm(y, (op.inner,), p["norm_weight"], EPS)


def rg_lru(op: RgLru, f: Values, p: Values) -> Tensor:
    h = torch.zeros(BATCH, op.inner).double()
    rows = []
    for t in range(LENGTH):
        x = f["x"][:, t]
        blocks = x.unflatten(-1, (op.blocks, -1))
        i, r = (
            torch.sigmoid(
                torch.einsum("bkc,kcd->bkd", blocks, p[f"{g}_gate_weight"]).flatten(1)
                + p[f"{g}_gate_bias"]
            )
            for g in ("input", "recurrence")
        )
        a = torch.exp(-8 * F.softplus(p["decay"]) * r)
        h = a * h + torch.sqrt(1 - a**2) * i * x
        rows.append(h * F.gelu(f["gate"][:, t], approximate="tanh"))
    return torch.stack(rows, 1)


def gla(op: GatedLinearAttention, f: Values, p: Values) -> Tensor:
    state = torch.zeros(BATCH, op.heads, op.key_dim, op.head_dim).double()
    rows = []
    for t in range(LENGTH):
        logits = F.linear(f["decay"][:, t], p["decay_weight"], p["decay_bias"])
        a = torch.exp(F.logsigmoid(logits) / 16)
        a, q, k, v = (
            z.unflatten(-1, (op.heads, -1))
            for z in (a, f["q"][:, t], f["k"][:, t], f["v"][:, t])
        )
        state = a[..., None] * state + k[..., None] * v[:, :, None]
        y = torch.einsum("bhk,bhkv->bhv", q * op.key_dim**-0.5, state)
        y = F.rms_norm(y, (op.head_dim,), p["norm_weight"], EPS)
        rows.append(y.flatten(1) * F.silu(f["gate"][:, t]))
    return torch.stack(rows, 1)


def min_gru(op: MinGru, f: Values, p: Values) -> Tensor:
    h = torch.zeros(BATCH, op.inner).double()
    rows = []
    for t in range(LENGTH):
        h = torch.lerp(h, f["x"][:, t], f["gate"][:, t].sigmoid())
        rows.append(h)
    return torch.stack(rows, 1)


def linear_attention(op: LinearAttention, f: Values, p: Values) -> Tensor:
    maps: dict[str, Callable[[Tensor], Tensor]] = {
        "elu": lambda x: F.elu(x) + 1,
        "relu": F.relu,
        "silu": F.silu,
        "none": lambda x: x,
    }
    phi, each = maps[op.feature_map], op.heads // op.kv_heads
    state = torch.zeros(BATCH, op.heads, op.head_dim, op.head_dim).double()
    total = torch.zeros(BATCH, op.heads, op.head_dim).double()
    rows = []
    for t in range(LENGTH):
        q, k, v = (f[g][:, t].unflatten(-1, (-1, op.head_dim)) for g in ("q", "k", "v"))
        q, k = phi(q), phi(k)
        k, v = k.repeat_interleave(each, 1), v.repeat_interleave(each, 1)
        state = state + k[..., None] * v[:, :, None]
        total = total + k
        y = torch.einsum("bhk,bhkv->bhv", q, state)
        if op.normalize:
            y = y / ((q * total).sum(-1, keepdim=True) + 1e-6)
        else:
            y = y * op.head_dim**-0.5
        rows.append(y.flatten(1))
    return torch.stack(rows, 1)


def glu(op: Glu, f: Values, p: Values) -> Tensor:
    activation: Callable[[Tensor], Tensor] = {
        "silu": F.silu,
        "gelu": lambda x: F.gelu(x, approximate="tanh"),
        "relu": F.relu,
        "sigmoid": torch.sigmoid,
    }[op.activation]
    return activation(f["gate"]) * f["up"]


ORACLES: dict[str, Callable[..., Tensor]] = {
    "attention": attention,
    "gated_conv": gated_conv,
    "gated_linear_attention": gla,
    "glu": glu,
    "linear_attention": linear_attention,
    "long_conv": long_conv,
    "min_gru": min_gru,
    "rg_lru": rg_lru,
    "selective_scan": selective_scan,
    "ssd": ssd,
}


def causal_conv(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    padded = F.pad(x.transpose(1, 2), (weight.shape[1] - 1, 0))
    return F.conv1d(padded, weight[:, None], bias, groups=len(weight)).transpose(1, 2)


@pytest.mark.parametrize("name", OPERATORS)
def test_mixing_equals_another_way(name: str) -> None:
    op = OPERATORS[name]
    weights = random_weights(model(liv("a", op)), seeded())
    p = {n: w for (at, n), w in weights.items() if at == "a"}
    f = {
        g.name: torch.randn(
            BATCH, LENGTH, g.width, dtype=torch.float64, generator=seeded(i)
        ).requires_grad_()
        for i, g in enumerate(op.groups)
    }
    found = mixing_of(op.kind)(op, f, p, EPS).output()
    expected = ORACLES[op.kind](op, f, p)
    used = [*f.values(), *(p[q.name] for q in op.parameters if not q.group)]
    compare(found, expected, used)


@pytest.mark.parametrize("name", OPERATORS)
def test_features_equal_another_way(name: str) -> None:
    op = OPERATORS[name]
    weights = random_weights(model(liv("a", op)), seeded())
    p = {n: w for (at, n), w in weights.items() if at == "a"}
    x = torch.randn(BATCH, LENGTH, op.width, dtype=torch.float64, generator=seeded())
    x.requires_grad_()
    for group in op.groups:
        g = group.name
        y = F.linear(x, p[f"{g}.weight"], p.get(f"{g}.bias"))
        used = [x, p[f"{g}.weight"]]
        if group.convolved and op.kernel:
            y = causal_conv(y, p[f"{g}.conv.weight"], p.get(f"{g}.conv.bias"))
            used.append(p[f"{g}.conv.weight"])
            y = F.silu(y) if op.convolution_activation == "silu" else y
        if isinstance(op, Attention) and g in ("q", "k"):
            y = y.unflatten(-1, (-1, op.head_dim))
            if op.qk_norm:
                y = F.rms_norm(y, (op.head_dim,), p[f"{g}_norm"], EPS)
                used.append(p[f"{g}_norm"])
            if op.rope is not None:
                y = rotate_half(y, op.rope.theta, op.rope.dims)
            y = y.flatten(2)
        compare(featurize(op, g, x, p, EPS), y, used)


def rotate_half(heads: Tensor, theta: float, dims: int) -> Tensor:
    """With sines and cosines, pair by pair."""
    turned = heads.clone()
    for position in range(LENGTH):
        for i in range(dims // 2):
            angle = position * theta ** (-2 * i / dims)
            cos, sin = math.cos(angle), math.sin(angle)
            a, b = heads[:, position, :, i], heads[:, position, :, i + dims // 2]
            turned[:, position, :, i] = a * cos - b * sin
            turned[:, position, :, i + dims // 2] = b * cos + a * sin
    return turned


def compare(found: Tensor, expected: Tensor, used: list[Tensor]) -> None:
    """Equal values, and equal gradients of a random weighted sum of them."""
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
    cotangent = torch.randn(found.shape, dtype=torch.float64, generator=seeded(9))
    gradients = torch.autograd.grad(found, used, cotangent, retain_graph=True)
    others = torch.autograd.grad(expected, used, cotangent, retain_graph=True)
    for gradient, other in zip(gradients, others, strict=True):
        assert gradient.abs().max() > 1e-3
        torch.testing.assert_close(gradient, other, rtol=1e-9, atol=1e-9)
