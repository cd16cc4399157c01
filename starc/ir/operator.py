"""What an operator of the IR says about itself: features, parameters, state, cost."""

from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, ClassVar

from starc.ir.init import LINEAR, SHARE, TAPS, ZEROS, Init
from starc.values import dataclass

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Group:
    """A feature group: `width` channels computed from the LIV's normed input.

    `convolved`: the dense projection is followed by the operator's causal short
    convolution (Toeplitz token mixing in the featurizer).
    `stack`: it is that many projections of width / stack channels, of which a token
    computes some; the operator's own lines multiply. 0: one projection, all of it.
    `source`: an earlier group, as it is when all is done to it, that is projected
    instead of the input; without a bias.
    `finished`: channels when all is done to it; 0: `width`, those of the projection.
    """

    name: str
    width: int
    convolved: bool = False
    stack: int = 0
    source: str = ""
    finished: int = 0

    @property
    def channels(self) -> int:
        """Of the feature as T(x) and other LIVs take it."""
        return self.finished or self.width


@dataclass(frozen=True)
class Parameter:
    """A tensor of the operator besides its projections.

    `group`: the feature group it belongs to; it is not there where that group is
    borrowed. "" belongs to the mixing itself. `featurizer`: it makes part of T(x), so
    `weights from` shares it; otherwise each LIV has its own. `init`: how it starts.
    `trained`: by gradients; otherwise it is a buffer, and no parameter that counts.
    """

    name: str
    shape: Shape
    init: Init
    group: str = ""
    featurizer: bool = True
    trained: bool = True


@dataclass(frozen=True)
class StateTensor:
    """A tensor that decoding keeps for each sequence; `shape` is without the batch.

    `group`: kept only where that group is computed here, not borrowed. `float32`:
    kept in float32 whatever the dtype of the cache, because a recurrence that is
    rounded at every token loses its slow modes.
    `per_sequence`: False for a tensor that the whole batch shares.
    `of_input`: kept once of each input that features are computed of here.
    """

    name: str
    shape: Shape
    group: str = ""
    float32: bool = False
    per_sequence: bool = True
    of_input: bool = False


@dataclass(frozen=True, kw_only=True)
class Operator:
    """Base of the operators. All numbers are resolved; nothing here is optional text.

    width: channels of the residual stream, to which it writes. reads: channels of what
        it reads, where these are others; 0: `width`.
    lora: rank of what each use of the LIV adds to its projections of its own, `same as`
        too (arXiv 2106.09685); 0: nothing. lora_one: its groups have the matrix that
        brings the input down to this rank in common, else each its own.
    kernel: taps of the featurizer's short convolution on `convolved` groups; 0: none.
    shift: each projection of the input reads, channel by channel, a mixture of its
        token x and the one before: x_t + s (x_{t-1} - x_t), s learned for each group
        (token shift, arXiv 2305.13048).
    bias, out_bias: of the dense projections in and out. bias_except: names of groups,
        with blanks between them, that are otherwise than `bias` says.
    """

    width: int
    kernel: int = 0
    shift: bool = False
    bias: bool = False
    out_bias: bool = False
    bias_except: str = ""
    reads: int = 0
    lora: int = 0
    lora_one: bool = False

    kind: ClassVar[str]  # "attention": names the template and the default label
    by_heads: ClassVar[bool] = False  # T(x) is one for each head, not each channel
    convolution_bias: ClassVar[bool] = False
    convolution_activation: ClassVar[str] = ""  # "" or "silu", after the convolution

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """The feature groups, in the order in which a fused projection holds them."""
        raise NotImplementedError

    if TYPE_CHECKING:

        @property
        def inner(self) -> int:
            """Channels that the mixing gives to the output projection."""

    @property
    def input(self) -> int:
        """Channels of what it reads."""
        return self.reads or self.width

    @property
    def output(self) -> tuple[Parameter, ...]:
        """What brings y (inner) back to the stream (width); each LIV has its own.

        `out.weight` (width, inner), and `out.bias`, are one projection. An operator may
        have other tensors, which its reference's `output` applies, or none where y has
        the width of the stream.
        """
        out = (self.width, self.inner)
        found = [Parameter("out.weight", out, LINEAR, "", False)]
        if self.out_bias:
            found.append(Parameter("out.bias", (self.width,), ZEROS, "", False))
        return tuple(found)

    @property
    def projected(self) -> bool:
        """Whether `out.weight` does that, as one projection."""
        return any(parameter.name == "out.weight" for parameter in self.output)

    @property
    def auxiliary(self) -> bool:
        """Whether it adds a term to the loss of training, as a balance of experts."""
        return False

    def active(self, parameter: Parameter) -> int:
        """How many numbers of one of its tensors a token computes with.

        Fewer than there are where a token chooses between experts. FLOPs of the
        projections in and out are two for each.
        """
        return prod(parameter.shape)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Tensors besides projections and the featurizer's convolution."""
        return ()

    def state(self, max_length: int) -> tuple[StateTensor, ...]:
        """What decoding keeps, besides the featurizer's convolution."""
        return ()

    def mixing_flops(self, context: int, tokens: int) -> float:
        """FLOPs per token of the matrix products between features.

        As torch.utils.flop_counter counts them: 2 a multiply-add, causal attention in
        full. `tokens` at once, the last of them with `context` tokens of past and
        present: tokens == context is prefill, tokens == 1 decode.
        """
        return 0.0

    def fft_flops(self, context: int, tokens: int) -> float:
        """FLOPs per token in FFTs, 2.5 n log2(n) for n real numbers; as above."""
        return 0.0

    def group(self, name: str) -> Group:
        return self.groups_by_name[name]

    @cached_property
    def groups_by_name(self) -> dict[str, Group]:
        return {group.name: group for group in self.groups}

    def biased(self, group: str) -> bool:
        """Whether the projection of a group adds a bias."""
        return self.bias != (group in self.bias_except.split())

    def shifted(self, group: Group) -> bool:
        """Whether its projection reads a mixture of two tokens."""
        return self.shift and not group.source

    def projection_parameters(self, group: Group) -> tuple[Parameter, ...]:
        """The tensors that compute a feature group: `q.weight`, `q.conv.weight`, ..."""
        name, width = group.name, group.width
        read = self.group(group.source).width if group.source else self.input
        found = [Parameter(f"{name}.weight", (width, read), LINEAR, name)]
        if self.biased(name) and not group.source:
            found.append(Parameter(f"{name}.bias", (width,), ZEROS, name))
        if self.shifted(group):
            found.append(Parameter(f"{name}.shift", (self.input,), SHARE, name))
        if group.convolved and self.kernel:
            found.append(
                Parameter(f"{name}.conv.weight", (width, self.kernel), TAPS, name)
            )
            if self.convolution_bias:
                found.append(Parameter(f"{name}.conv.bias", (width,), ZEROS, name))
        return tuple(found)

    @property
    def adapters(self) -> tuple[Parameter, ...]:
        """The tensors of one use alone: W + up down is what it multiplies with."""
        if not self.lora:
            return ()
        down = (self.lora, self.input)
        found = [Parameter("lora_down", down, LINEAR)] if self.lora_one else []
        for group in self.groups:
            if not self.lora_one:
                found.append(Parameter(f"{group.name}.lora_down", down, LINEAR))
            up = (group.width, self.lora)
            found.append(Parameter(f"{group.name}.lora_up", up, ZEROS))
        return tuple(found)

    @cached_property
    def has_mixing_tensors(self) -> bool:
        """Whether T(x) has tensors of its own besides those that make the features."""
        return any(p.featurizer and not p.group for p in self.parameters)

    @cached_property
    def featurizer(self) -> tuple[object, ...]:
        """The tensors that make T(x), which `weights from` shares, and their use."""
        tensors = ((p.name, p.shape) for p in self.all_parameters() if p.featurizer)
        return self.kind, self.groups, tuple(tensors)

    def all_parameters(self) -> tuple[Parameter, ...]:
        """Every tensor of the LIV when nothing is shared, without its norms."""
        found = [p for group in self.groups for p in self.projection_parameters(group)]
        return (*found, *self.parameters, *self.output)

    def projection_flops(self, group: Group) -> float:
        """FLOPs per token of the projection that computes a feature group."""
        return 2.0 * self.active(self.projection_parameters(group)[0])

    def output_flops(self) -> float:
        """FLOPs per token of what brings y back to the stream."""
        weights = (p for p in self.output if not p.name.endswith(".bias"))
        return 2.0 * sum(self.active(p) for p in weights if len(p.shape) > 1)

    def all_state(self, max_length: int) -> tuple[StateTensor, ...]:
        """Every tensor that decoding keeps when no feature is borrowed."""
        last = StateTensor("last", (1, self.input), of_input=True)
        convolved = [
            StateTensor(f"{g.name}.conv", (self.kernel - 1, g.width), g.name)
            for g in self.groups
            if g.convolved and self.kernel
        ]
        shifted = (last,) if self.shift else ()
        return (*shifted, *convolved, *self.state(max_length))
