"""Tokens from a trained model."""

from typing import Any

import torch


def continuation(
    model: Any, prompt: list[int], length: int, seed: int, end: int | None = None
) -> list[int]:
    """`length` tokens after `prompt`, or fewer, up to `end`."""
    device = next(model.parameters()).device
    tokens = torch.tensor([prompt], device=device)
    generator = torch.Generator(device).manual_seed(seed)
    stop = {} if end is None else {"stop": end}
    with torch.inference_mode():
        made = model.generate(
            tokens, length, temperature=0.8, top_k=40, generator=generator, **stop
        )
    rows = getattr(made, "tokens", made)  # of older files the tokens alone
    written: list[int] = rows[0, len(prompt) :].tolist()
    return written[: written.index(end)] if end in written else written
