"""Models of transformers as an oracle: small, random, and in float64 throughout."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import transformers
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

NARROW, WIDE = torch.float32, torch.float64


class Double(TorchFunctionMode):
    """What their code does in float32 whatever the model's dtype, done in float64.

    Norms, rotations and scans are cast there, which alone costs 1e-7; without it a
    constant that is wrong in the sixth digit could hide.
    """

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if function is Tensor.float:
            function = Tensor.double
        args = [WIDE if value is NARROW else value for value in args]
        if not kwargs:  # of thousands of calls a model most
            return function(*args)
        given = {
            key: WIDE if value is NARROW else value for key, value in kwargs.items()
        }
        return function(*args, **given)


@contextmanager
def in_double() -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with Double():
            yield
    finally:
        torch.set_default_dtype(before)


def build(config: Any, seed: int = 0) -> nn.Module:
    """The model of a configuration, every number of it drawn so that it matters."""
    config._attn_implementation = config._experts_implementation = "eager"
    with in_double():
        model: nn.Module = transformers.AutoModelForCausalLM.from_config(config)
        model = model.double().eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(
                parameter.shape, generator=generator, dtype=torch.float64
            )
            parameter.copy_(_drawn(name, parameter, noise))
    return model


def _drawn(name: str, start: Tensor, noise: Tensor) -> Tensor:
    """Matrices keep the size of what they read; all else stays near where it starts."""
    found: Tensor = noise / start.shape[-1] ** 0.5
    return found if start.ndim >= 2 else start.double() + 0.2 * noise


def logits(model: nn.Module, tokens: Tensor, **more: Any) -> Tensor:
    """(B, T) -> (B, T, vocab), the whole sequence at once."""
    with torch.no_grad(), in_double():
        found = model(tokens, use_cache=False, **more).logits
    assert isinstance(found, Tensor)
    return found
