"""Emitted classes of LIVs: what is computed, given and lent decides the class."""

from textwrap import dedent

from starc.backend.code import Call, reads, signature, statement
from starc.backend.constructor import Body, as_attributes
from starc.backend.emission import Emission, StateField
from starc.backend.features import (
    TOKEN_SHIFT,
    Projection,
    convolution_state,
    forward_lines,
    lora_call,
    reset_lines,
    shift_lines,
    shift_resets,
    shift_states,
    weight_lines,
)
from starc.backend.layout import broken, fitted
from starc.backend.residuals import LORA, LOW_RANK
from starc.backend.states import KEPT
from starc.backend.templates import block
from starc.backend.tensors import add_tensors
from starc.ir.operator import Operator
from starc.values import dataclass

NEW_STATE = ("self", "batch: int", "max_length: int", "like: Tensor")


@dataclass(frozen=True)
class Variant:
    """How a LIV gets its features, in names of variables; equal variants are one class.

    borrowed: groups that come as arguments. lent: what is returned after the output:
    groups, or "input" for the normed input. embedded: of the borrowed, what comes of
    the embedding. inputs: other LIVs' inputs, or features to
    project, that come as arguments. weights: arguments that hold shared tensors.
    mixing: where the tensors of the mixing are. lora: what the use has of its own is an
    argument.
    """

    projections: tuple[Projection, ...]
    mixing: str = "self"
    borrowed: tuple[str, ...] = ()
    lent: tuple[str, ...] = ()
    embedded: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    weights: tuple[tuple[str, str], ...] = ()  # argument, class
    lora: bool = False

    @property
    def computed(self) -> tuple[str, ...]:
        return tuple(g for projection in self.projections for g in projection.groups)

    @property
    def given(self) -> tuple[str, ...]:
        """Arguments of forward between the input and the state."""
        return (*self.inputs, *self.borrowed, *(name for name, _ in self.weights))


@dataclass(frozen=True)
class MixerClass:
    """One emitted class and what the rest of the file must know about it."""

    name: str
    lines: tuple[str, ...]
    arguments: tuple[str, ...]  # that its constructor takes, of emission.arguments
    has_state: bool
    state_fields: tuple[StateField, ...] = ()
    functions: tuple[str, ...] = ()  # that it may call
    reads: frozenset[str] = frozenset()  # names of kernels among others
    state_lines: tuple[str, ...] = ()  # of a class that holds the states of branches

    def __hash__(self) -> int:
        """Of the name alone: few of one name differ, and all have many lines."""
        return hash(self.name)

    def construct(self, emission: Emission) -> Call:
        """`Attention(config, heads=16, ...)`."""
        by_name = {argument.name: argument for argument in emission.arguments}
        values = [str(by_name[name]) for name in self.arguments]
        return Call(self.name, ("config", *values))


def mixer_class(
    name: str, operator: Operator, emission: Emission, variant: Variant
) -> MixerClass:
    """The class of all LIVs with this emission's structure and this variant."""
    body = Body(emission)
    own = {
        group for p in variant.projections if p.weights == "self" for group in p.groups
    }
    features = shift_lines(variant.projections)
    states = shift_states(variant.projections)
    body.reset += shift_resets(variant.projections)
    product = _product(emission, variant)
    for projection in variant.projections:
        own_part = lora_call(operator, projection) if variant.lora else ""
        lines, sizes = forward_lines(operator, emission, projection, own_part)
        features += [] if product else lines
        body.init += sizes
        if projection.weights == "self":
            body.init += weight_lines(operator, emission, projection, sizes)
            body.reset += reset_lines(operator, projection)
        if projection.convolved:
            states.append(convolution_state(operator, emission, projection))
    where = {group: p.weights for p in variant.projections for group in p.groups}
    context = _context(
        emission,
        own,
        computed=set(variant.computed),
        w=where,
        m=variant.mixing,
        product=product,
        like=next(iter(variant.computed), "u"),
    )
    own_mixing = variant.mixing == "self" or not operator.has_mixing_tensors
    add_tensors(body, operator, emission, own, own_mixing, context)
    inner, bias = emission.inner, operator.out_bias
    out = "y"  # in the stream already: the template's lines brought it there
    if operator.projected:
        out = f"self.{emission.out_name}(y)"
        out += f" * {emission.factor}" if emission.factor else ""
        body.init.append(
            f"self.{emission.out_name} = nn.Linear({inner}, config.width, bias={bias})"
        )
    mixing = block(emission.template, "forward", context)
    for counter, shape in emission.counters.items():
        made = f"torch.empty({shape}, dtype=torch.int64)"
        body.init.append(f"self.{counter} = nn.Buffer({made}, persistent=False)")
        body.reset.append(f"nn.init.zeros_(self.{counter})")
    if operator.auxiliary:  # the template's lines for training add to it
        body.init.append("self.auxiliary: Tensor | float = 0.0  # for the loss")
    if training := block(emission.template, "training", context):
        mixing += ["        if self.training:", *training]
    output = ", ".join([out, *_lent(variant)])
    has_state = "state" in reads("\n".join([*features, *(m[8:] for m in mixing)]))
    forward = _forward_head(variant, has_state)
    if has_state:
        forward.append("        state = begin(state)")
    for line in features:
        forward.extend(broken(line, 8))
    forward += [part for line in mixing for part in fitted(line)]
    forward.append(f"        return {output}")
    states += [s for s in emission.states if not s.group or s.group in variant.computed]
    body.methods += forward
    methods = block(emission.template, "methods", context)
    if variant.mixing == "self" and methods:
        body.methods += ["", *methods]
    if has_state:
        body.methods += ["", *_new_state(states, emission)]
    doc = _doc(emission, variant, context)
    constructor = body.lines()
    read = body.methods_read | reads(dedent("\n".join(constructor)))
    lines = [f"class {name}(nn.Module):", *doc, ""]
    lines += [*constructor, "", *body.methods]
    return MixerClass(
        name,
        tuple(lines),
        tuple(argument.name for argument in body.arguments()),
        has_state,
        tuple(states),
        (*emission.functions, *((TOKEN_SHIFT,) if operator.shift else ())),
        read,
    )


def _product(emission: Emission, variant: Variant) -> str:
    """All features as one expression, where the kernel takes them side by side."""
    whole = len(variant.projections) == 1 and not variant.borrowed and not variant.lent
    if not emission.takes_product or not whole:
        return ""
    only = variant.projections[0]
    own = f" + {LORA}({only.read})" if variant.lora else ""
    return f"{only.weights}.{only.linear}({only.read}){own}"


def _context(emission: Emission, groups: set[str], **more: object) -> dict[str, object]:
    own = {"inner": emission.inner, "groups": groups, "fused": emission.fused}
    return {**emission.options, **own, **more}


def _lent(variant: Variant) -> list[str]:
    return ["u" if name == "input" else name for name in variant.lent]


def _forward_head(variant: Variant, has_state: bool) -> list[str]:
    parameters = ["self", "u: Tensor"]
    parameters += [f"{name}: Tensor" for name in (*variant.inputs, *variant.borrowed)]
    parameters += [f"{name}: {kind}" for name, kind in variant.weights]
    parameters += [f"{LORA}: {LOW_RANK}"] if variant.lora else []
    if has_state:
        parameters.append(f"state: {KEPT} | None = None")
    result = "tuple[Tensor, ...]" if variant.lent else "Tensor"
    return signature("forward", parameters, result)


def _new_state(states: list[StateField], emission: Emission) -> list[str]:
    values = []
    for state in states:
        if not state.shape:
            continue
        size = [*(("batch",) if state.per_sequence else ())]
        size += [as_attributes(number, emission) for number in state.shape]
        size += ["dtype=torch.float32"] if state.float32 else []
        values.append(Call(f"{state.name}=like.new_zeros", tuple(size)))
    made = Call("State", tuple(values))
    return [*signature("new_state", NEW_STATE, "State"), *statement("return ", made)]


def _doc(emission: Emission, variant: Variant, context: dict[str, object]) -> list[str]:
    lines = block(emission.template, "doc", context)
    more = []
    if any(projection.step for projection in variant.projections):
        mixture = "a mixture of its token and the one before (token shift)"
        more.append(f"Each projection reads {mixture}.")
    of_layers = tuple(g for g in variant.borrowed if g not in variant.embedded)
    for groups, place in (
        (of_layers, "from an earlier layer"),
        (variant.embedded, "from the embedding of the token"),
    ):
        if groups:
            come = "comes" if len(groups) == 1 else "come"
            more.append(f"{_words(groups)} {come} {place}.")
    if variant.inputs:
        what = "The normed input" if variant.inputs[0].startswith("u_") else "A feature"
        more.append(f"{what} of an earlier layer comes beside its own.")
    if variant.lent:
        lent = ["its normed input" if g == "input" else g for g in variant.lent]
        more.append(f"Returns {_words(tuple(lent))} too, for later layers.")
    if variant.weights:
        more.append("Computes with tensors of an earlier layer, `weights`.")
    if len(lines) == 1 and not more:
        return [f'    """{lines[0]}"""']
    text = [f'    """{lines[0]}']
    rest = [*lines[1:]]
    if more:
        rest += ["", *more]
    while rest and not rest[0]:
        rest.pop(0)
    text += ["", *[f"    {line}" if line else "" for line in rest]]
    return [*text, '    """']


def _words(names: tuple[str, ...]) -> str:
    if len(names) == 1:
        return names[0]
    return f"{', '.join(names[:-1])} and {names[-1]}"
