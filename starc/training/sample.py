"""Text from a trained model."""

from typing import Any

import torch


def continuation(model: Any, prompt: bytes, length: int, seed: int) -> str:
    """`length` bytes after `prompt`, as text; U+FFFD for what is no UTF-8."""
    device = next(model.parameters()).device
    tokens = torch.tensor([list(prompt)], device=device)
    generator = torch.Generator(device).manual_seed(seed)
    with torch.inference_mode():
        made = model.generate(
            tokens, length, temperature=0.8, top_k=40, generator=generator
        )
    rows = getattr(made, "tokens", made)  # of older files the tokens alone
    written = rows[0, len(prompt) :].tolist()
    return bytes(token for token in written if token < 256).decode("utf-8", "replace")
