"""What the text alone says of a candidate. No torch: a search asks 100,000 times."""

from math import prod
from typing import NamedTuple

from starc import passes
from starc.diagnostics import StarError
from starc.evolve.evaluation.failure import invalid
from starc.evolve.problem.architecture import to_ir
from starc.evolve.problem.candidate import Candidate
from starc.evolve.problem.objectives import MEASURES
from starc.evolve.problem.spec import Arguments, Spec, label
from starc.ir.cost import costs
from starc.ir.nodes import Liv, Model
from starc.ir.operator import Operator, Parameter

DTYPE_BYTES = 2
"""Of a value in the cache and among activations: bfloat16, as the paper counts."""


def lowered(candidate: Candidate, spec: Spec) -> Model:
    """The model after all passes. Raises Ended where there is none."""
    try:
        return passes.run(to_ir(candidate, spec))
    except StarError as error:
        said = "; ".join(
            " ".join(filter(None, (found.title, found.label)))
            for found in error.diagnostics[:3]
        )
        raise invalid(f"does not compile: {said}") from error


def measures(model: Model, spec: Spec) -> dict[str, float]:
    """All static measures at the model's own context, and those that `spec` asks for.

    By label, in the units of MEASURES.
    """
    found = _at(model, model.context)
    for one in asked(spec):
        if one.name in found and one.arguments:
            at = _at(model, context(one.arguments, model.context))
            found[one.label] = at[one.name]
    return found


def of(candidate: Candidate, spec: Spec) -> dict[str, float]:
    """`measures` of a candidate. Raises Ended where it does not compile."""
    return measures(lowered(candidate, spec), spec)


class Asked(NamedTuple):
    """A measure that an objective or a requirement names."""

    name: str
    arguments: Arguments = ()

    @property
    def label(self) -> str:
        return label(self.name, self.arguments)


def asked(spec: Spec) -> list[Asked]:
    """Of all objectives and requirements, each once."""
    found = [Asked(one.name, one.arguments) for one in spec.objectives]
    found += [Asked(one.name, one.arguments) for one in spec.requirements]
    return list(dict.fromkeys(found))


def context(arguments: Arguments, default: int) -> int:
    """Tokens at which a measure is taken."""
    return int(dict(arguments).get("context", default))


def _at(model: Model, tokens: int) -> dict[str, float]:
    counted = costs(model, tokens, DTYPE_BYTES)
    found = {
        "params": counted.total.params,
        "active": counted.total.active,
        "params_without_embeddings": counted.params_without_embeddings,
        "cache": counted.total.cache_bytes,
        "flops": counted.total.prefill_flops,
        "decode_flops": counted.total.decode_flops,
        "activation_memory": activation_memory(model, tokens),
    }
    assert all(MEASURES[name].static for name in found)
    return {name: float(value) for name, value in found.items()}


def activation_memory(model: Model, tokens: int) -> int:
    """Bytes that the backward pass of one sequence needs; an estimate.

    A layer keeps what its norms read, what its projections read (each its own mixture
    where tokens are shifted), each feature it computes (twice where a short convolution
    follows), and what its output projection reads. Softmax and recurrences recompute
    the rest, as the kernels here do. The loss keeps the logits in float32, and their
    softmax.
    """
    values = 2 * model.width  # final norm and head
    for layer in model.whole().values():
        around = {id(r): r for r in (layer.residual, *(x.residual for x in layer.livs))}
        reads = 1 + sum(len(r.modules) for r in around.values())  # and the projections
        values += reads * model.width
        values += sum(map(_kept, layer.livs))
    for streams in model.sections().values():
        values += streams.kept(model.width)
    logits = 2 * 4 * model.vocab
    return tokens * (DTYPE_BYTES * values + logits)


def _kept(liv: Liv) -> int:
    """Values a token, of one LIV without its norms; of experts those that it chose."""
    operator = liv.operator
    computed = {f.group for f in liv.features if not f.borrowed}
    features = sum(
        _used(group.width, operator, operator.projection_parameters(group)[0])
        * (2 if group.convolved and operator.kernel else 1)
        for group in operator.groups
        if group.name in computed
    )
    mixtures = [
        g for g in operator.groups if g.name in computed and operator.shifted(g)
    ]
    features += operator.input * len(mixtures)
    return features + _used(operator.inner, operator, *operator.output[:1])


def _used(width: int, operator: Operator, *weights: Parameter) -> int:
    """Channels that a token computes, of those behind a projection or before it."""
    for weight in weights:
        width = width * operator.active(weight) // prod(weight.shape)
    return width
