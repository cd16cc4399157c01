"""mLSTM as the emitted file shows it."""

from starc.backend.emission import Argument, Emission, biases
from starc.operators.mlstm.operator import MLSTM


def emission(op: MLSTM) -> Emission:
    arguments = [
        Argument("heads", "int", op.heads),
        Argument("key_dim", "int", op.key_dim, "channels of q and k in a head"),
        Argument("head_dim", "int", op.head_dim, "channels of a head"),
        Argument("softcap", "float", op.softcap, "bound of both gates"),
    ]
    if op.norm_eps:
        text = "of the norm of the output"
        arguments.append(Argument("norm_eps", "float", op.norm_eps, text))
    return Emission(
        template="mlstm",
        class_name="MLSTM",
        summary="C = f C + e^i v k', y = norm(C q / max(|n q|, 1)) sigmoid(gate)",
        arguments=tuple(arguments),
        options={"eps": "self.norm_eps" if op.norm_eps else "self.eps", **biases(op)},
        state_words={"c": "(B, H, P + 1, N)"},
        kernels=("ssd",),
        letters={
            "H": "heads",
            "N": "channels of q and k in a head",
            "P": "channels of v in a head",
        },
    )
