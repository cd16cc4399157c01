"""kernels/dispatch.py with tensors that say they are on a GPU."""

from typing import Any, cast

import pytest
import torch

from tests.kernels.kernel_checks import load


class OnGpu(torch.Tensor):
    is_cuda = True
    number = 0
    __torch_function__ = cast(Any, torch._C._disabled_torch_function_impl)

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return torch.device("cuda", self.number)

    def get_device(self) -> int:
        return self.number


@pytest.fixture
def dispatch(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A copy of the module, in whose world there is a Hopper GPU."""
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda index: (9, 0))
    monkeypatch.delenv("STAR_KERNELS", raising=False)
    return load("dispatch")


def on_gpu(dtype: torch.dtype = torch.bfloat16, index: int = 0) -> torch.Tensor:
    tensor = torch.zeros(2, dtype=dtype).as_subclass(OnGpu)
    tensor.number = index
    return tensor


def test_on_a_gpu_and_elsewhere(dispatch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    dispatch._TRITON_LACKS = ""
    assert dispatch.kernels_for("k", on_gpu(), None, on_gpu(torch.float32))
    assert not dispatch.kernels_for("k", torch.zeros(2))
    monkeypatch.setenv("STAR_KERNELS", "off")
    assert not dispatch.kernels_for("k", on_gpu())


@pytest.mark.filterwarnings("error")
def test_tensors_on_two_devices_are_pytorchs_to_refuse(dispatch: Any) -> None:
    dispatch._TRITON_LACKS = ""
    assert not dispatch.kernels_for("k", on_gpu(), on_gpu(index=1))
    assert not dispatch.kernels_for("k", on_gpu(), torch.zeros(2))


def test_reasons_against(dispatch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for version, why in [
        (None, "Triton is not installed"),
        ("3.2.0", "Triton 3.2.0 is older than 3.3"),
        ("2.3.1+cu121", "Triton 2.3.1\\+cu121 is older than 3.3"),
    ]:
        dispatch._TRITON_LACKS = dispatch._triton_lacks(version)
        with pytest.warns(UserWarning, match=f"k runs in plain PyTorch: {why}"):
            assert not dispatch.kernels_for("k", on_gpu())
    for version in ("3.3.0", "3.6.0+git1234", "4.0.0rc1"):
        assert dispatch._triton_lacks(version) == ""
    dispatch._TRITON_LACKS = ""
    with pytest.warns(UserWarning, match="float64"):
        assert not dispatch.kernels_for("k", on_gpu(torch.float64))
    with pytest.warns(UserWarning, match="17 taps"):
        assert not dispatch.kernels_for("k", on_gpu(), why_not="17 taps")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda index: (7, 5))
    with pytest.warns(UserWarning, match="older than compute capability 8.0"):
        assert not dispatch.kernels_for("k", on_gpu())
