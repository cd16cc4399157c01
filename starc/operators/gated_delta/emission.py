"""The gated delta rule as the emitted file shows it."""

from starc.backend.emission import Argument, Emission, biases, convolution
from starc.operators.gated_delta.operator import GatedDelta


def emission(op: GatedDelta) -> Emission:
    grouped, channel = op.key_heads != op.heads, op.decay == "channel"
    arguments = [Argument("heads", "int", op.heads)]
    if grouped:
        text = "heads of q and k, each for several of v"
        arguments.append(Argument("key_heads", "int", op.key_heads, text))
    arguments += [
        Argument("key_dim", "int", op.key_dim, "channels of q and k in a head"),
        Argument("head_dim", "int", op.head_dim, "channels of a head"),
    ]
    if op.decay != "none" and op.decay_rank:
        text = "channels that decays are made of"
        arguments.append(Argument("decay_rank", "int", op.decay_rank, text))
    if op.decay != "none" and op.decay_bound:
        text = "the most that log a falls below 0"
        arguments.append(Argument("decay_bound", "float", op.decay_bound, text))
    if op.gate_rank:
        text = "channels that the gate is made of"
        arguments.append(Argument("gate_rank", "int", op.gate_rank, text))
    if op.norm_eps:
        text = "of the norm of the output"
        arguments.append(Argument("norm_eps", "float", op.norm_eps, text))
    name, decayed = {
        "none": ("DeltaRule", ""),
        "head": ("GatedDelta", "S = a S, then "),
        "channel": ("ChannelDelta", "S = diag(a) S, then "),
    }[op.decay]
    return Emission(
        template="gated_delta",
        class_name=name,
        summary=f"{decayed}S = S + beta k (v - k S)', y = norm(q S) "
        f"{op.gate_activation}(gate)",
        arguments=(*arguments, *convolution(op)),
        aliases={} if grouped else {"key_heads": "heads"},
        options={
            "grouped": grouped,
            "decay": op.decay,
            "bounded": op.decay != "none" and op.decay_bound > 0,
            "decay_low": op.decay != "none" and op.decay_rank > 0,
            "doubled": op.beta_limit == 2,
            "gate_activation": op.gate_activation,
            "gate_low": op.gate_rank > 0,
            "eps": "self.norm_eps" if op.norm_eps else "self.eps",
            "convolved": op.kernel > 0,
            **biases(op),
        },
        state_words={"h": "(B, H, N, P)"},
        kernels=(
            "channel_delta" if channel else "gated_delta",
            *(("short_conv",) if op.kernel else ()),
        ),
        letters={
            "H": "heads",
            **({"G": "heads of q and k"} if grouped else {}),
            "N": "channels of q and k in a head",
            "P": "channels of v in a head",
        },
    )
