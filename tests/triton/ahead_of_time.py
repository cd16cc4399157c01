"""Compiles the kernels of some files for GPUs that are not there.

    python tests/triton/ahead_of_time.py sm_90 gated_conv swiglu > reports.json

The launches are those that the public functions make. `launches_<file>.py` beside this
file lists calls on CPU tensors; for a kernel in chunks they follow from `tiles` in the
cases of its operator.

    KERNEL = "gated_conv"                # kernels/gated_conv.py
    def calls(module): yield "K=3 bfloat16", lambda: module.gated_conv(...)

and here each call runs with launches that are written down instead of made: nothing is
computed. Every distinct launch (kernel, dtypes, specialised arguments, constants) is
then compiled. A report has a row each: registers, spilled bytes, shared memory as ptxas
(or LLVM for AMD) states them. Limits are those of one block: 227 KiB on sm_90 and
sm_100, 163 KiB on sm_80, 64 KiB on gfx942.
"""

import contextlib
import importlib
import io
import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TARGETS = {
    "sm_80": ("cuda", 80, 32, 163 * 1024),
    "sm_90": ("cuda", 90, 32, 227 * 1024),
    "sm_100": ("cuda", 100, 32, 227 * 1024),
    "gfx942": ("hip", "gfx942", 64, 64 * 1024),
}
HERE = Path(__file__).parent
OPTIONS = {"num_warps", "num_stages", "num_ctas", "maxnreg"}


@dataclass(frozen=True)
class Launch:
    """A kernel with all that its binary depends on, as hashable text."""

    kernel: Any
    signature: tuple[tuple[str, str], ...]
    constants: tuple[tuple[int, Any], ...]
    aligned: tuple[int, ...]
    options: tuple[tuple[str, int], ...]


def launch_of(kernel: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> Launch:
    """What Triton's own launcher would specialise on: None, 1, multiples of 16."""
    options = tuple(sorted((k, v) for k, v in named.items() if k in OPTIONS))
    values = dict(zip(kernel.arg_names, arguments, strict=False))
    values.update((k, v) for k, v in named.items() if k not in OPTIONS)
    signature, constants, aligned = {}, [], []
    for n, parameter in enumerate(kernel.params):
        value = values.get(parameter.name, parameter.default)
        signature[parameter.name] = kind = _kind(value, parameter)
        if kind == "constexpr":
            constants.append((n, value))
        elif not parameter.do_not_specialize and _divisible(value):
            aligned.append(n)
    return Launch(
        kernel, tuple(signature.items()), tuple(constants), tuple(aligned), options
    )


def _kind(value: Any, parameter: Any) -> str:
    import torch

    if parameter.is_constexpr or value is None:
        return "constexpr"
    if isinstance(value, torch.Tensor):
        names = {
            torch.float32: "fp32",
            torch.float16: "fp16",
            torch.bfloat16: "bf16",
            torch.int32: "i32",
            torch.int64: "i64",
        }
        return "*" + names[value.dtype]
    if isinstance(value, bool):
        return "i1"
    if isinstance(value, float):
        return "fp32"
    if value == 1 and not parameter.do_not_specialize:
        return "constexpr"
    return "i32" if -(2**31) <= value < 2**31 else "i64"


def _divisible(value: Any) -> bool:
    number = value.data_ptr() if hasattr(value, "data_ptr") else value
    return isinstance(number, int) and number % 16 == 0


def recorded(name: str) -> tuple[Any, list[tuple[Launch, tuple[int, ...]]]]:
    """kernels/<name>.py, and a list that grows by each launch of it and its grid.

    No launch may stand outside of `launch_on`: it would go to the current device.
    """
    from triton.runtime.jit import JITFunction

    made: list[tuple[Launch, tuple[int, ...]]] = []
    inside: list[bool] = []
    module = importlib.import_module(f"kernels.{name}")

    def record(
        self: Any, *arguments: Any, grid: Any, warmup: bool, **named: Any
    ) -> None:
        assert inside, f"{self.__name__} is launched on the current device"
        made.append((launch_of(self, arguments, named), grid))

    @contextlib.contextmanager
    def launch_on(tensor: Any) -> Iterator[None]:
        inside.append(True)
        yield
        inside.pop()

    for path, imported in list(sys.modules.items()):
        if path.startswith("kernels."):
            vars(imported).update(kernels_for=_asked, launch_on=launch_on)
    JITFunction.run = record
    return module, made


def launches(name: str) -> Iterator[tuple[str, Launch]]:
    """Distinct launches of the calls of `launches_<name>.py`, each with a title."""
    import torch

    from tests.triton.all_launches import launches_of

    calls = launches_of(name)
    module, made = recorded(calls.KERNEL)
    torch.manual_seed(0)
    seen = set()
    title: str
    call: Callable[[], Any]
    for title, call in calls.calls(module):
        made.clear()
        call()
        assert made, f"{title} launched nothing"
        for launch, _ in made:
            if launch not in seen:
                seen.add(launch)
                yield title, launch


def _asked(name: str, *tensors: Any, why_not: str = "") -> bool:
    return not why_not


def compiled(launch: Launch, target: str) -> dict[str, Any]:
    """Compile, and read what the assembler says about it."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    backend, arch, lanes, limit = TARGETS[target]
    source = ASTSource(
        launch.kernel,
        dict(launch.signature),
        {(n,): value for n, value in launch.constants},
        {(n,): [["tt.divisibility", 16]] for n in launch.aligned},
    )
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        binary = triton.compile(
            source, target=GPUTarget(backend, arch, lanes), options=dict(launch.options)
        )
    row = {
        "kernel": launch.kernel.__name__,
        "shared": binary.metadata.shared,
        "shared_limit": limit,
    }
    if backend == "cuda":
        return row | _ptxas(said.getvalue())
    text = binary.asm["amdgcn"]
    return row | {
        "registers": _number(r"\.vgpr_count:\s+(\d+)", text),
        "spills": _number(r"\.vgpr_spill_count:\s+(\d+)", text),
    }


def _ptxas(said: str) -> dict[str, int]:
    """Registers of a thread and bytes spilled, from what `ptxas -v` printed."""
    return {
        "registers": _number(r"Used (\d+) registers", said),
        "spills": _number(r"(\d+) bytes spill stores", said)
        + _number(r"(\d+) bytes spill loads", said),
    }


def _number(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    assert found, pattern
    return int(found[1])


TRIED: set[str] = set()


def sampled(found: list[tuple[str, Launch]]) -> list[tuple[str, Launch]]:
    """For `make test` one of each kernel that no file before has too, of the smallest
    tile: it compiles, in a third of the time of the one that has fewest registers left.
    """
    if os.environ.get("STAR_TEST_ALL"):
        return found
    kept: dict[str, list[tuple[str, Launch]]] = {}
    for title, launch in found:
        if launch.kernel.__name__ not in TRIED:
            kept.setdefault(launch.kernel.__name__, []).append((title, launch))
    TRIED.update(kept)
    return [min(each, key=lambda one: _tile(one[1])) for each in kept.values()]


def _tile(launch: Launch) -> int:
    """Of a program: the product of its constants that are sizes."""
    sizes = [value for _, value in launch.constants if type(value) is int]
    return math.prod(size for size in sizes if size > 0)


def report(name: str, target: str) -> list[dict[str, Any]]:
    """A row for every distinct launch; an error instead of numbers where it fails."""
    import torch

    from tests.triton.all_launches import launches_of

    if TARGETS[target][0] == "hip":
        torch.version.hip = "none here"  # files of kernels choose tiles by it
    calls = launches_of(name)
    importlib.import_module(f"kernels.{calls.KERNEL}")
    if target == "sm_80":  # of the file, or of one that it takes its kernels from
        for path, each in list(sys.modules.items()):
            if path.startswith("kernels.") and hasattr(each, "warp_group_products"):
                vars(each)["warp_group_products"] = lambda tensor: False
    rows = []
    for title, launch in sampled(list(launches(name))):
        constants = {launch.kernel.arg_names[n]: v for n, v in launch.constants}
        row: dict[str, Any] = {"call": title, "target": target}
        row["constants"] = {k: v for k, v in constants.items() if k.isupper()}
        row["options"] = dict(launch.options)
        try:
            row |= compiled(launch, target)
        except Exception as error:  # said in the report, with the launch it belongs to
            row |= {"kernel": launch.kernel.__name__, "error": f"{error}"[-2000:]}
        rows.append(row)
    return rows


def in_a_process(*arguments: str, script: str = "ahead_of_time.py") -> Any:
    """`report`, or another script here, where Triton compiles: no TRITON_INTERPRET."""
    environment = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    environment.pop("STAR_KERNELS", None)
    environment |= {"TRITON_DUMP_PTXAS_LOG": "1", "TRITON_ALWAYS_COMPILE": "1"}
    done = subprocess.run(
        [sys.executable, str(HERE / script), *arguments],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert not done.returncode, done.stderr[-4000:]
    return json.loads(done.stdout)


if __name__ == "__main__":
    sys.path[:0] = [str(HERE.parents[1])]
    asked_for, *names = sys.argv[1:]
    reports = {name: report(name, asked_for) for name in names}
    print(json.dumps(reports, indent=1, default=str))
