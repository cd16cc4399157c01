"""Every kernel, in every configuration that ships, compiles for four GPUs.

On sm_90 no register is spilled; shared memory stays within a block's limit everywhere.
`make test` takes the smallest tile of each for sm_90; `make test-kernels` takes all,
for all targets, and writes what the assembler says of each to
build/kernels/<file>-<target>.txt and .json, of which
`python -m benchmarks.kernels_compiled` makes docs/kernels_compiled.md.
"""

import json
from typing import Any

import pytest

from tests.triton.ahead_of_time import TARGETS, in_a_process
from tests.triton.all_launches import NAMES
from tests.triton.every_kernel import FUNCTIONS
from tests.triton.triton_checks import DEVICE, ROOT, SLOW, some

HEAD = f"{'target':8} {'kernel':36} {'regs':>4} {'spills':>6} {'shared':>7}  call\n"

pytestmark = pytest.mark.skipif(DEVICE != "cpu", reason="needs no GPU")


# A process starts in longer than it compiles a sample of one file: two share them all.
SHARES = [[name] for name in NAMES] if SLOW else [NAMES[::2], NAMES[1::2]]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("names", SHARES, ids=lambda names: names[0])
def test_compiles(names: list[str], target: str) -> None:
    if target != "sm_90" and not SLOW:
        pytest.skip("make test-kernels")
    reports = in_a_process(target, *names)
    assert list(reports) == names
    for name, rows in reports.items():
        assert rows or not SLOW, name  # a sample may have had all of its kernels
        check(name, target, rows)


def check(name: str, target: str, rows: list[dict[str, Any]]) -> None:
    """Writes the report of one file, and holds each row of it to the limits."""
    report = ROOT / "build" / "kernels" / f"{name}-{target}.txt"
    report.parent.mkdir(parents=True, exist_ok=True)
    errors = [f"{row['call']} {row['error']}" for row in rows if "error" in row]
    assert not errors, "\n".join(errors)
    lines = [
        f"{target:8} {row['kernel']:36} {row['registers']:4} {row['spills']:6}"
        f" {row['shared']:7}  {row['call']}\n"
        for row in rows
    ]
    report.write_text(HEAD + "".join(lines), encoding="utf-8")
    if SLOW:
        report.with_suffix(".json").write_text(json.dumps(rows), encoding="utf-8")
    for row in rows:
        assert row["shared"] <= row["shared_limit"], row
        assert target != "sm_90" or row["spills"] == 0, row


KERNELS = {function.name: function.graph for function in FUNCTIONS}


def test_are_one_graph() -> None:
    """torch.compile(fullgraph=True): a graph each way, with these Triton kernels."""
    names = NAMES if SLOW else NAMES[::4]
    found = in_a_process(*names, script="one_graph.py")
    for name in names:
        assert found[name] == {"graphs": 2, "kernels": KERNELS[name]}, name


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=some) for name in KERNELS],
)
def test_one_graph_for_any_length(name: str) -> None:
    """Sizes are symbols: at most three ways to launch, for any batch and length."""
    found = in_a_process(name, script="any_length.py")[name]
    assert len(found) == 8 and found[-1] <= 6, found


def test_every_triton_kernel_is_compiled() -> None:
    """A file of kernels/ that may choose Triton has a file of launches here."""
    for path in (ROOT / "kernels").glob("*.py"):
        if ' kernels_for("' in path.read_text(encoding="utf-8"):
            assert path.stem in NAMES, f"tests/triton/launches_{path.stem}.py, or tiles"
