"""What a model must do before it is trained: be finite, causal, and decode as it reads.

On a CPU in float64, so that a leak of the future of one part in a thousand million is
told from rounding; on a GPU in float32, where the kernels are others.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from starc.evolve.evaluation.failure import invalid
from starc.evolve.evaluation.subject import Subject
from starc.training.emitted import auxiliary

TOKENS = 160
"""Of the test sequences: more than a chunk of the kernels (128)."""

DECODED = 8
TOLERANCE = {torch.float64: 1e-9, torch.float32: 2e-3}
"""Of the largest logit."""


def check(subject: Subject) -> None:
    """Raises Ended with the first gate that the model does not pass."""
    double = torch.float64 if subject.device.type == "cpu" else torch.float32
    model = subject.new_model().to(double)
    tokens = _tokens(model, min(model.config.context, TOKENS), subject.device)
    logits = _finite(model, tokens)
    with torch.no_grad():
        _causal(model, tokens, logits)
        _cached(model, tokens[:1], logits[:1])


def _tokens(model: Any, length: int, device: torch.device) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    vocab = model.config.vocab
    return torch.randint(vocab, (2, length), generator=generator).to(device)


def _finite(model: Any, tokens: Tensor) -> Tensor:
    """The logits. Raises Ended unless they and all gradients are finite numbers."""
    logits: Tensor = model(tokens)
    wanted = (*tokens.shape, model.config.vocab)
    if logits.shape != wanted:
        raise invalid(f"forward: logits of shape {tuple(logits.shape)}, not {wanted}")
    if not logits.isfinite().all():
        raise invalid("forward: the logits are not finite")
    loss = F.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())
    torch.autograd.backward(loss + auxiliary(model))
    for name, parameter in model.named_parameters():
        gradient = parameter.grad
        if gradient is not None and not gradient.isfinite().all():
            raise invalid(f"backward: the gradient of {name} is not finite")
    return logits.detach()


def _causal(model: Any, tokens: Tensor, logits: Tensor) -> None:
    """Tokens are changed from a place on; what comes before must stay what it is."""
    length = tokens.shape[1]
    for cut in sorted({max(1, length // 2), max(1, length - 1)}):
        changed = tokens.clone()
        changed[:, cut:] = (changed[:, cut:] + 1) % model.config.vocab
        error = _difference(model(changed)[:, :cut], logits[:, :cut], logits)
        if not error <= TOLERANCE[logits.dtype]:
            raise invalid(
                f"leaks the future: tokens from {cut} on change the logits before "
                f"them by {error:.1e} of the largest"
            )


def _cached(model: Any, tokens: Tensor, logits: Tensor) -> None:
    """Reading in two pieces, then token by token, equals reading all at once."""
    length = tokens.shape[1]
    read = max(1, length - DECODED)
    pieces = [read // 3, read - read // 3, *[1] * (length - read)]
    cache = model.new_cache(1, length)
    found = torch.cat(
        [model(p, cache) for p in torch.split(tokens, pieces, 1) if p.numel()], 1
    )
    error = _difference(found, logits, logits)
    if not error <= TOLERANCE[logits.dtype]:
        raise invalid(
            "decoding with the cache is another model: its logits differ by "
            f"{error:.1e} of the largest"
        )


def _difference(found: Tensor, expected: Tensor, scale: Tensor) -> float:
    """Largest error, of the largest value; nan where something is not a number."""
    return float((found - expected).abs().max() / scale.abs().max().clamp(min=1e-30))
