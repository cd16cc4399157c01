"""What a model costs before it is run: tensors, state and matrix products, counted.

Everything is what the emitted model really has: `sum(p.numel())`, `cache.nbytes`, and
what torch.utils.flop_counter counts. Nothing of torch is needed, and a model of 24 LIVs
takes less than half a millisecond, because a search asks 100,000 times.
"""

from collections.abc import Container, Sequence
from dataclasses import replace
from functools import lru_cache
from math import prod
from typing import NamedTuple, assert_never

from starc.ir.init import EMBEDDING, LINEAR
from starc.ir.nodes import Again, Liv, Model, Parallel
from starc.ir.operator import Operator, Parameter
from starc.ir.residual import Residual
from starc.ir.streams import Streams


class Cost(NamedTuple):
    """Of a layer, a branch or a model.

    params: shared tensors count once, with the LIV that owns them; a layer's norms are
        included. idle: those of them that a token does not compute with, as it chose
        other experts.
    cache_bytes: for one sequence. *_flops: for each token.
    """

    label: str
    params: int
    cache_bytes: int
    prefill_flops: float
    decode_flops: float
    idle: int = 0

    @property
    def active(self) -> int:
        """The parameters that a token computes with."""
        return self.params - self.idle


class LayerCost(NamedTuple):
    """A layer with its residual; `branches` of a parallel are contained in the sum."""

    total: Cost
    branches: tuple[Cost, ...] = ()


class Costs(NamedTuple):
    """A model's costs; `params_without_embeddings` leaves out positions that are
    learned, and an untied head, too."""

    total: Cost
    params_without_embeddings: int
    layers: tuple[LayerCost, ...]


def costs(model: Model, context: int, dtype_bytes: int) -> Costs:
    """The costs of a resolved model, as far as the optional passes have come.

    The cache holds `context` tokens in a type of `dtype_bytes`. Prefill is a prompt of
    `context` tokens with logits for each, decode the token at position `context`.
    """
    shared, layer_of = frozenset(model.shared), model.whole()
    sections = model.sections()
    made: dict[str, LayerCost] = {}  # what `same as` does again
    layers: list[LayerCost] = []
    for layer in model.layers():
        match layer:
            case Liv():
                cost = _liv(layer, shared, context, dtype_bytes)
                around, own = _residual(layer), _adapters(layer.operator)
                total = _sum(layer.label, (cost, around, own))
                found = made[layer.label] = LayerCost(total)
            case Parallel():
                branches = tuple(
                    _branch(branch, shared, context, dtype_bytes)
                    for branch in layer.branches
                )
                around = _residual(layer)
                total = _sum(layer.label, (*branches, around))
                found = made[layer.label] = LayerCost(total, branches)
            case Again():
                found = _again(layer, made[layer.of], layer_of[layer.of])
            case _:
                assert_never(layer)
        if layer.label in sections:
            streams = _streams(sections[layer.label], model.width)
            total = _sum(layer.label, (found.total, streams))
            found = found._replace(total=total)
        layers.append(found)
    head = 2.0 * model.width * model.vocab
    body = _sum(model.name, [layer.total for layer in layers])
    entrance = model.before
    tables = [p for p in entrance if p.init is EMBEDDING]
    embeddings = _size(tables) + (0 if model.tied else model.width * model.vocab)
    params = body.params + _size((*entrance, *model.after)) - embeddings
    ends = head + 2.0 * _size([p for p in entrance if p.init is LINEAR])
    if model.streams is not None:
        counts = [model.streams.count, *(part.behind for part in sections.values())]
        ends += replace(model.streams, count=counts[-1]).closing_flops(model.width)
    whole = Cost(
        model.name,
        params + embeddings,
        body.cache_bytes,
        body.prefill_flops + ends,
        body.decode_flops + ends,
        body.idle,
    )
    return Costs(whole, params, tuple(layers))


class _Operator(NamedTuple):
    """What an operator costs; parameters, FLOPs and cache bytes by feature group.

    idle: of the parameters, by feature group too, "" for those of the mixing.
    """

    params: dict[str, int]
    idle: dict[str, int]
    flops: dict[str, float]
    cache: dict[str, int]
    mixing_params: int
    own_params: int  # never shared: output projection and the like
    own_idle: int
    own_flops: tuple[float, float]  # mixing and output projection: prefill, decode
    own_cache: int
    input_cache: int  # for each input that something is computed of
    all_params: int
    all_idle: int
    all_flops: float
    all_cache: int


@lru_cache(maxsize=8192)
def _operator(operator: Operator, context: int, dtype_bytes: int) -> _Operator:
    groups = operator.groups
    params = {group.name: 0 for group in groups}
    idle = {"": 0, **params}
    mixing = own = own_idle = 0
    for parameter in operator.all_parameters():
        if not parameter.trained:
            continue
        size = prod(parameter.shape)
        rest = size - operator.active(parameter)
        if not parameter.featurizer:
            own, own_idle = own + size, own_idle + rest
            continue
        idle[parameter.group] += rest
        if parameter.group:
            params[parameter.group] += size
        else:
            mixing += size
    cache = dict.fromkeys(params, 0)
    own_cache = input_cache = 0
    for tensor in operator.all_state(context):
        size = prod(tensor.shape) * (4 if tensor.float32 else dtype_bytes)
        if tensor.of_input:
            input_cache += size
        elif tensor.group:
            cache[tensor.group] += size
        else:
            own_cache += size
    flops = {group.name: operator.projection_flops(group) for group in groups}
    out = operator.output_flops()
    prefill = operator.mixing_flops(context, context) + out
    decode = operator.mixing_flops(context, 1) + out
    return _Operator(
        params,
        idle,
        flops,
        cache,
        mixing,
        own,
        own_idle,
        (prefill, decode),
        own_cache,
        input_cache,
        sum(params.values()) + mixing + own,
        sum(idle.values()) + own_idle,
        sum(flops.values()),
        sum(cache.values()) + own_cache + input_cache,
    )


def _size(parameters: Sequence[Parameter]) -> int:
    return sum(prod(parameter.shape) for parameter in parameters)


def _residual(layer: Liv | Parallel) -> Cost:
    operator = layer.livs[0].operator
    return _around(layer.residual, operator.width, operator.reads)


def _adapters(operator: Operator) -> Cost:
    """What one use of a LIV has of its own."""
    size = _size(operator.adapters)
    return Cost("", size, 0, 2.0 * size, 2.0 * size)


@lru_cache(maxsize=1024)
def _around(residual: Residual, width: int, reads: int) -> Cost:
    flops = residual.flops(width)
    return Cost("", _size(residual.parameters(width, reads)), 0, flops, flops)


def _streams(streams: Streams, width: int) -> Cost:
    """What stands around a part of a section; it is counted with its first layer."""
    flops = streams.flops(width)
    return Cost("", _size(streams.parameters(width)), 0, flops, flops)


def _branch(
    branch: Liv, shared: Container[str], context: int, dtype_bytes: int
) -> Cost:
    """With the norms that it has of its own."""
    cost = _liv(branch, shared, context, dtype_bytes)
    return _sum(cost.label, (cost, _residual(branch)))


def _liv(liv: Liv, shared: Container[str], context: int, dtype_bytes: int) -> Cost:
    label = liv.label
    operator = _operator(liv.operator, context, dtype_bytes)
    prefill, decode = operator.own_flops
    for feature in liv.features:
        if feature.borrowed or feature.weights != label:
            break
    else:
        if liv.mixing == label:  # nothing comes from another LIV
            return Cost(
                label,
                operator.all_params,
                operator.all_cache,
                prefill + operator.all_flops,
                decode + operator.all_flops,
                operator.all_idle,
            )
    params, idle = operator.own_params, operator.own_idle
    if liv.mixing == label or liv.mixing not in shared:
        params, idle = params + operator.mixing_params, idle + operator.idle[""]
    cache, flops = operator.own_cache, 0.0
    if operator.input_cache:
        inputs = {f.input for f in liv.features if not f.borrowed}
        cache += operator.input_cache * len(inputs)
    for feature in liv.features:
        if not feature.borrowed:
            group = feature.group
            cache += operator.cache[group]
            flops += operator.flops[group]
            if feature.weights == label or feature.weights not in shared:
                params += operator.params[group]
                idle += operator.idle[group]
    return Cost(label, params, cache, prefill + flops, decode + flops, idle)


def _again(again: Again, first: LayerCost, of: Liv | Parallel) -> LayerCost:
    """No tensors but those of this use alone, a state and all the arithmetic."""
    own = sum(_size(liv.operator.adapters) for liv in of.livs)
    start = len(again.of)
    branches = tuple(
        branch._replace(label=again.label + branch.label[start:], params=0, idle=0)
        for branch in first.branches
    )
    total = first.total._replace(label=again.label, params=own, idle=0)
    return LayerCost(total, branches)


def _sum(label: str, parts: Sequence[Cost]) -> Cost:
    """The sum, in one go over each column."""
    return Cost(
        label,
        sum([part.params for part in parts]),
        sum([part.cache_bytes for part in parts]),
        sum([part.prefill_flops for part in parts]),
        sum([part.decode_flops for part in parts]),
        sum([part.idle for part in parts]),
    )
