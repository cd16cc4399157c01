"""`starc show`: what each LIV is, shares and costs, as a table and as JSON."""

from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from textwrap import wrap
from typing import Any, assert_never

from starc.choices import DTYPES
from starc.ir.cost import Cost, Costs, LayerCost, costs
from starc.ir.descriptions import (
    around,
    class_of,
    described,
    inside,
    model_settings,
    name_of,
    number,
    residual_settings,
    settings,
    sharing,
)
from starc.ir.nodes import (
    Again,
    Layer,
    Liv,
    Model,
    Parallel,
    branches,
    flat,
    iterations,
)
from starc.ir.table import aligned, bars

COLUMNS = (
    "LIV",
    "class",
    "residual",
    "sharing",
    "parameters",
    "cache bytes",
    "prefill FLOPs",
    "decode FLOPs",
)


def as_json(model: Model, context: int, dtype: str) -> dict[str, Any]:
    """Everything `starc show` knows, JSON-ready. `dtype` is one of choices.DTYPES."""
    found = costs(model, context, DTYPES[dtype])
    total, whole = found.total, model.whole()
    return {
        "name": model.name,
        "model": model_settings(model),
        "context": context,
        "dtype": dtype,
        "params": total.params,
        **_active(total),
        "params_without_embeddings": found.params_without_embeddings,
        "cache_bytes": total.cache_bytes,
        "flops_per_token": _flops(total),
        "fft_flops_per_token": _fft_flops(model, context),
        "layers": [
            _layer(layer, whole[layer.label], cost)
            for layer, cost in zip(model.layers(), found.layers, strict=True)
        ],
    }


def _layer(layer: Layer, whole: Liv | Parallel, cost: LayerCost) -> dict[str, Any]:
    """`whole`: the layer itself, or the one that it is once more."""
    found: dict[str, Any] = {
        "label": layer.label,
        "class": class_of(layer),
        "written": name_of(layer),
        "residual": residual_settings(whole.residual),
        "sharing": sharing(layer),
        **_numbers(cost.total),
    }
    match layer:
        case Liv():
            found.update(_operator(layer))
        case Parallel():
            rows = zip(layer.branches, layer.signs, cost.branches, strict=True)
            found["branches"] = [
                {
                    "label": branch.label,
                    "class": branch.name,
                    "written": name_of(branch),
                    "sign": sign,
                    "residual": _own(branch),
                    "sharing": sharing(branch),
                    **_numbers(part),
                    **_operator(branch),
                }
                for branch, sign, part in rows
            ]
        case Again():
            pass  # what it is stands where that layer stands
        case _:
            assert_never(layer)
    return found


def _own(branch: Liv) -> dict[str, object]:
    """What stands between a parallel and a branch, without what is said of all."""
    found = residual_settings(branch.residual)
    return {name: found[name] for name in ("placement", "residual_scale")}


def _operator(liv: Liv) -> dict[str, Any]:
    plain = {
        name: asdict(value) if is_dataclass(value) else value  # type: ignore[arg-type]
        for name, value in settings(liv.operator).items()
    }
    return {"operator": liv.operator.kind, "settings": plain}


def _numbers(cost: Cost) -> dict[str, Any]:
    return {
        "params": cost.params,
        **_active(cost),
        "cache_bytes": cost.cache_bytes,
        "flops_per_token": _flops(cost),
    }


def _active(cost: Cost) -> dict[str, int]:
    """How many of the parameters a token computes with, where that is not all."""
    return {"active_params": cost.active} if cost.idle else {}


def _flops(cost: Cost) -> dict[str, int]:
    return {"prefill": round(cost.prefill_flops), "decode": round(cost.decode_flops)}


def _fft_flops(model: Model, context: int) -> dict[str, int]:
    """Of long convolutions; not among the FLOPs of the layers."""
    operators = [liv.operator for one in model.whole().values() for liv in one.livs]
    return {
        "prefill": round(sum(o.fft_flops(context, context) for o in operators)),
        "decode": round(sum(o.fft_flops(context, 1) for o in operators)),
    }


def as_table(model: Model, context: int, dtype: str, within: int | None = None) -> str:
    """The same as text: the settings, a line for each LIV, the operators.

    within: columns that there are, for which the table is shortened, and which bars of
    the shares of each class fill.
    """
    found = costs(model, context, DTYPES[dtype])
    total, bare = found.total, found.params_without_embeddings
    lines = [f"model {model.name}"]
    for name, value in model_settings(model).items():
        lines.append(f"  {name:<16}{number(value)}")
    layers = sum(layer.total.params for layer in found.layers)
    inside = sum(layer.total.decode_flops for layer in found.layers)
    ends = total.decode_flops - inside
    outside = Cost("", total.params - layers, 0, ends, ends)
    table = [COLUMNS, *_rows(model, found)]
    table.append(_cells("embedding, norm, head", "", "", "", outside))
    table.append(_cells("total", "", "", "", total))
    lines += ["", *aligned(table, within), ""]
    lines.append(f"parameters without embeddings: {bare:,}")
    if total.idle:
        lines.append(f"parameters that a token computes with: {total.active:,}")
    megabytes = f"{total.cache_bytes / 1e6:,.3f} MB"
    lines.append(f"cache of {context:,} tokens, one sequence, {dtype}: {megabytes}")
    lines.append("FLOPs are for a token: of a prompt so long (prefill), or after it.")
    fft = _fft_flops(model, context)
    if fft["decode"]:
        prefill, decode = (f"{fft[key]:,}" for key in ("prefill", "decode"))
        lines.append(f"FFTs take as many more: {prefill} (prefill), {decode} (decode).")
    if any(len(iterations(step)) > 1 for step in model.body):
        lines.append(
            "A line for several LIVs, (12 x), has the numbers of each"
            + (", FLOPs on average." if model.streams and model.streams.apart else ".")
        )
    if within is not None:
        lines += ["", *_bars(model, found, within)]
    lines += ["", *_legend(model, within)]
    return "\n".join(lines) + "\n"


def _rows(model: Model, found: Costs) -> list[tuple[str, ...]]:
    """A line for each layer, and under a parallel for its branches, which it contains.

    The iterations of a loop differ in labels only, so they are a line together; and in
    FLOPs, where the streams that layers read become more.
    """
    result: list[tuple[str, ...]] = []
    whole = model.whole()
    done = 0
    for step in model.body:
        parts = iterations(step)
        beginning, end = tuple(flat(parts[0])), tuple(flat(parts[-1]))
        each = len(beginning)
        for first, last in zip(beginning, end, strict=True):
            cost = found.layers[done]
            total = _mean(found.layers[done : done + each * len(parts) : each])
            done += 1
            label = _both(first.label, last.label, len(parts))
            shared = _both("; ".join(sharing(first)), "; ".join(sharing(last)))
            within = branches(first)
            if within:  # what these share stands in their own lines
                shared = ""
            stands = around(whole[first.label], model)
            result.append(_cells(label, name_of(first), stands, shared, total))
            pairs = zip(within, branches(last), strict=True)
            for (a, b), part in zip(pairs, cost.branches[: len(within)], strict=True):
                shared = _both("; ".join(sharing(a)), "; ".join(sharing(b)))
                label = f"  {_both(a.label, b.label)}"
                result.append(_cells(label, name_of(a), inside(a), shared, part))
        done += each * (len(parts) - 1)
    return result


def _mean(iterations: Sequence[LayerCost]) -> Cost:
    """Of a layer in each iteration, whose FLOPs alone may differ."""
    first, *others = (iteration.total for iteration in iterations)
    prefill = sum((one.prefill_flops for one in others), first.prefill_flops)
    decode = sum((one.decode_flops for one in others), first.decode_flops)
    times = len(iterations)
    return first._replace(prefill_flops=prefill / times, decode_flops=decode / times)


def _both(first: str, last: str, times: int = 1) -> str:
    """`attn_0 … attn_22 (12 x)`: what the first and the last of many say, in one."""
    if first == last:
        return first
    words = zip(first.split(" "), last.split(" "), strict=True)
    text = " ".join(a if a == b else f"{a} … {b}" for a, b in words)
    return text if times == 1 else f"{text} ({times:,} x)"


def _cells(
    label: str, name: str, stands: str, shared: str, cost: Cost
) -> tuple[str, ...]:
    """`stands`: what its residual has that the model's has not."""
    numbers = (cost.params, cost.cache_bytes, *_flops(cost).values())
    return (label, name, stands, shared, *(f"{value:,}" for value in numbers))


def _bars(model: Model, found: Costs, within: int) -> list[str]:
    """The share of parameters and cache of each class, and of what stands around."""
    params: dict[str, int] = {}
    cache: dict[str, int] = {}
    for layer, cost in zip(model.layers(), found.layers, strict=True):
        named = [(name_of(layer), cost.total)]
        if class_of(layer) == "parallel":  # what its branches are says more
            pairs = zip(branches(layer), cost.branches, strict=True)
            named = [(name_of(branch), part) for branch, part in pairs]
        for name, part in named:
            params[name] = params.get(name, 0) + part.params
            cache[name] = cache.get(name, 0) + part.cache_bytes
    params["embedding, norms, head"] = found.total.params - sum(params.values())
    shares = {
        name: (
            size / max(found.total.params, 1),
            cache.get(name, 0) / max(found.total.cache_bytes, 1),
        )
        for name, size in params.items()
    }
    return bars(shares, within)


def _legend(model: Model, within: int | None) -> list[str]:
    """What each class is here: its operator with all its numbers, defaults too."""
    found: dict[tuple[str, str], None] = {}
    for liv in model.livs():
        found[name_of(liv), f"{liv.operator.kind}: {described(liv.operator)}"] = None
    width = max((len(name) for name, _ in found), default=0)
    lines = [f"{name.ljust(width)}  {text}" for name, text in found]
    if within is None:
        return lines
    indent = " " * (min(width, within // 3) + 2)
    return [
        part
        for line in lines
        for part in wrap(line, within, subsequent_indent=indent, break_on_hyphens=False)
    ]
