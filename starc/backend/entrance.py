"""What the emitted model does between its tokens and its first layer."""

from starc.backend.code import Call, statement
from starc.backend.emission import number
from starc.backend.residuals import (
    EMBEDDINGS,
    ENTERED,
    LOW_RANK,
    SCALE,
    norm_call,
    times,
)
from starc.backend.states import KEPT, Kept
from starc.backend.streams import classes, opened
from starc.ir.nodes import LAYER_EMBEDDINGS, Model

POSITIONS = "LearnedPositions"
"""The class in `templates/functions/` of vectors for the places of a sequence."""


LAYERS = "LayerEmbeddings"
"""That of vectors of a token for the layers that take them."""


HEAD_BIAS = "HeadBias"
"""That of the logits of a head that is the embedding."""


def entered(model: Model) -> tuple[list[str], list[str], list[Kept]]:
    """Lines of the constructor, of `hidden`, and what of the states these need."""
    scale = times(model.embedding_scale)
    if model.embedding_scale == model.width**0.5:
        scale = "self.config.width**0.5 * "
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
    embedded = model.embedded()
    if embedded:
        each, rows = next(iter(embedded.values())).width, model.layer_vocab
        sizes = {
            "layers": len(embedded),
            "channels": each,
            "vocab": rows or model.vocab,
        }
        said = (f"{name}={number(size)}" for name, size in sizes.items())
        made = Call(LAYERS, ("config", *said))
        construct += statement(f"self.{LAYER_EMBEDDINGS} = ", made)
        known = "tokens"
        if rows:
            known = f"tokens.where(tokens < {number(rows)}, 0)"
        call = Call(f"self.{LAYER_EMBEDDINGS}", (known, "x"))
        forward += statement(f"{EMBEDDINGS} = ", call)
    if any(layer.residual.entered for layer in model.made()):
        forward.append(f"        {ENTERED} = x  # later layers read it too")
    made_here, lines = opened(model)
    return [*construct, *made_here], [*forward, *lines], kept


def stream_functions(model: Model) -> tuple[str, ...]:
    """Of `templates/functions/`, those that the lines of the stream call."""
    bias = (HEAD_BIAS,) if model.tied and model.head_bias else ()
    learned = any(layer.residual.learned for layer in model.made())
    learned |= any(liv.residual.learned for liv in model.livs())
    positions = (POSITIONS,) if model.learned_positions else ()
    lora = (LOW_RANK,) if any(True for _ in model.adapters()) else ()
    layers = (LAYERS,) if model.embedded() else ()
    several = classes(model)
    return (*positions, *layers, *several, *bias, *lora, *((SCALE,) if learned else ()))
