"""What the emitted model does between its tokens and its first layer."""

from starc.backend.code import Call
from starc.backend.emission import number
from starc.backend.residuals import ENTERED, LOW_RANK, SCALE, norm_call
from starc.backend.states import KEPT, Kept
from starc.ir.nodes import Model

POSITIONS = "LearnedPositions"
"""The class in `templates/functions/` of vectors for the places of a sequence."""


HEAD_BIAS = "HeadBias"
"""That of the logits of a head that is the embedding."""


def entered(model: Model) -> tuple[list[str], list[str], list[Kept]]:
    """Lines of the constructor, of `hidden`, and what of the states these need."""
    scale = "" if model.embedding_scale == 1 else f"{number(model.embedding_scale)} * "
    construct = ["        self.embedding = nn.Embedding(config.vocab, config.width)"]
    forward = [f"        x = {scale}self.embedding(tokens)  # (B, T, D)"]
    kept: list[Kept] = []
    if model.learned_positions:
        construct.append(f"        self.positions = {POSITIONS}(config)")
        forward.append("        x = self.positions(x, states and states.positions)")
        kept.append(("positions", KEPT, Call("new", ("model.positions",))))
    if model.embedding_norm is not None:
        norm = norm_call(model.embedding_norm)
        construct.append(f"        self.embedding_norm = {norm}")
        forward.append("        x = self.embedding_norm(x)")
    if any(layer.residual.entered for layer in model.made()):
        forward.append(f"        {ENTERED} = x  # later layers read it too")
    return construct, forward, kept


def stream_functions(model: Model) -> tuple[str, ...]:
    """Of `templates/functions/`, those that the lines of the stream call."""
    bias = (HEAD_BIAS,) if model.tied and model.head_bias else ()
    learned = any(layer.residual.learned for layer in model.made())
    learned |= any(liv.residual.learned for liv in model.livs())
    positions = (POSITIONS,) if model.learned_positions else ()
    lora = (LOW_RANK,) if any(True for _ in model.adapters()) else ()
    return (*positions, *bias, *lora, *((SCALE,) if learned else ()))
