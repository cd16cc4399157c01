"""Text from a trained model."""

from typing import Any

import torch


def continuation(
    model: Any, prompt: bytes, length: int, seed: int, end: int | None = None
) -> str:
    """`length` bytes after `prompt`, as text, or fewer, up to `end`; U+FFFD for what is
    no UTF-8."""
    device = next(model.parameters()).device
    tokens = torch.tensor([list(prompt)], device=device)
    generator = torch.Generator(device).manual_seed(seed)
    stop = {} if end is None else {"stop": end}
    with torch.inference_mode():
        made = model.generate(
            tokens, length, temperature=0.8, top_k=40, generator=generator, **stop
        )
    rows = getattr(made, "tokens", made)  # of older files the tokens alone
    written = rows[0, len(prompt) :].tolist()
    if end in written:
        written = written[: written.index(end)]
    return bytes(token for token in written if token < 256).decode("utf-8", "replace")
