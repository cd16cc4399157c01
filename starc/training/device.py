"""Where to compute, and whether bf16 is faster there."""

import contextlib
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager

import torch

from starc.training.settings import TrainingError


def choose(name: str) -> torch.device:
    """The named device, or a GPU where there is one. Raises TrainingError."""
    if not name:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise TrainingError(f"device {name} cannot be used: {reason}") from None
    if device.type == "meta":
        raise TrainingError("device meta holds no numbers: cpu and cuda can train")
    return device


def dtype(device: torch.device, name: str = "auto") -> torch.dtype:
    """ "float32", "bfloat16", or "auto": bf16 where matrix units have it.

    They do in GPUs, and in CPUs with AMX or AVX-512 BF16.
    """
    if name == "auto":
        if device.type == "cuda":
            helps = torch.cuda.is_bf16_supported(including_emulation=False)
        else:
            helps = device.type == "cpu" and _has_bf16_units()
    else:
        helps = name == "bfloat16"
    return torch.bfloat16 if helps else torch.float32


def precision(
    device: torch.device, name: str = "auto"
) -> AbstractContextManager[object]:
    """Autocast to bf16 where `dtype` says so."""
    if dtype(device, name) == torch.float32:
        return contextlib.nullcontext()
    # Norm weights stay float32, so RMSNorm is not fused; nothing to act on.
    warnings.filterwarnings("ignore", "Mismatch dtype between input and weight")
    return torch.autocast(device.type, dtype=torch.bfloat16)


def _has_bf16_units() -> bool:
    """False where torch is too old to say."""
    ask: Callable[[], dict[str, object]] = getattr(torch.cpu, "get_capabilities", dict)
    can = ask()
    return bool(can.get("amx_bf16") or can.get("avx512_bf16"))
