"""The files of docs/integrations.md, as they stand there, in processes of their own."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from starc import compiler
from starc.export import hf
from starc.export.architecture import Architecture
from starc.source import Source
from tests.emitted.helpers import load

PAGE = (Path(__file__).parents[2] / "docs" / "integrations.md").read_text("utf-8")
FILES = dict(re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE, re.DOTALL))

SOURCE = """
model mine { width = 16; vocab = 256; context = 64 }
backbone {
  2 x { GConv-1; GMemless }
  SA-1(heads = 2)
  Mamba-2(head_dim = 8, states = 4)
}
"""

MOST_LINES = 20
"""Of code: imports, which say what is needed, and empty lines not counted."""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with all files of the page, and the model."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, "utf-8")
    text = compiler.compile(SOURCE, "my_model.star", kernels="none")
    (tmp_path / "my_model.py").write_text(text, "utf-8")
    return tmp_path


def started(place: Path, *command: str) -> subprocess.Popen[str]:
    """Without a network, and with one thread a process."""
    known = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "GLOO_SOCKET_IFNAME": "lo"}
    return subprocess.Popen(
        [sys.executable, *command],
        cwd=place,
        env=os.environ | known,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def output(place: Path, *command: str) -> str:
    process = started(place, *command)
    out, errors = process.communicate(timeout=500)
    assert process.returncode == 0, errors[-3000:]
    return out


def torchrun(name: str) -> tuple[str, ...]:
    return "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", name


def losses(out: str) -> dict[tuple[int, int], float]:
    """(process, step) -> loss"""
    found = re.findall(r"(\d) (\d) (\d+\.\d{9})", out)  # two may share a line
    return {(int(rank), int(step)): float(loss) for rank, step, loss in found}


def test_the_page_has_each_in_under_20_lines() -> None:
    assert FILES.keys() == {
        *("data.py", "ddp.py", "fsdp.py", "trainer.py", "with_lightning.py"),
        "packed.py",
    }
    for name, text in FILES.items():
        code = [
            line
            for line in text.splitlines()
            if line.strip() and not line.startswith(("import ", "from "))
        ]
        assert len(code) < MOST_LINES, name


def test_packed_documents(place: Path) -> None:
    """And the gradient is that of the documents, one after the other."""
    sys.path.insert(0, str(place))
    try:
        found: dict[str, object] = {}
        torch.manual_seed(0)
        exec(compile(FILES["packed.py"], "packed.py", "exec"), found)
    finally:
        sys.path.remove(str(place))
        del sys.modules["my_model"]
    model, documents = found["model"], found["documents"]
    assert isinstance(model, torch.nn.Module) and isinstance(documents, list)
    packed = {name: p.grad for name, p in model.named_parameters()}
    model.zero_grad()
    count = sum(len(one) - 1 for one in documents)
    for one in documents:
        logits = model(one[None])[0, :-1]
        part = torch.nn.functional.cross_entropy(logits, one[1:], reduction="sum")
        (part / count).backward()
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(packed[name], parameter.grad, rtol=1e-3, atol=1e-6)


def alone(steps: int) -> dict[tuple[int, int], float]:
    """What two processes that average their gradients have: one with both batches."""
    module = load(compiler.compile(SOURCE, "my_model.star", kernels="none"))
    names: dict[str, object] = {}
    exec(FILES["data.py"], names)
    loss = names["loss"]
    assert callable(loss)
    torch.manual_seed(0)
    model = module.Model()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    found = {}
    for step in range(steps):
        for rank in range(2):
            mean = loss(model, step, rank)
            (mean / 2).backward()
            found[rank, step] = mean.item()
        optimizer.step()
        optimizer.zero_grad()
    return found


@pytest.mark.slow
def test_ddp(place: Path) -> None:
    found = losses(output(place, *torchrun("ddp.py")))
    assert found == pytest.approx(alone(6), rel=1e-4)


WAITS = """
import os, time
_now = loss


def loss(model, step, rank=0):
    with open(f"process{rank}", "w") as file:
        file.write(str(os.getpid()))
    time.sleep(600 if step == 3 else 0)
    return _now(model, step, rank)
"""
"""Of data.py, so that there is time to be killed in the fourth step."""


@pytest.mark.slow
def test_fsdp_goes_on_where_it_was_killed(place: Path) -> None:
    """Two processes, killed in the fourth step: the same losses as if not."""
    whole = losses(output(place, *torchrun("fsdp.py")))
    assert whole == pytest.approx(alone(6), rel=1e-4)
    (place / "saved").rename(place / "first")
    data = place / "data.py"
    data.write_text(FILES["data.py"] + WAITS, "utf-8")
    process = started(place, *torchrun("fsdp.py"))
    while not (place / "saved" / "3" / ".metadata").exists():
        assert process.poll() is None, process.communicate()[1][-3000:]
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    for rank in range(2):  # torchrun gives each a session of its own
        os.kill(int((place / f"process{rank}").read_text()), signal.SIGKILL)
    killed = losses(process.communicate()[0])
    data.write_text(FILES["data.py"], "utf-8")
    rest = losses(output(place, *torchrun("fsdp.py")))
    assert {step for _, step in rest} == {3, 4, 5}
    assert killed.items() <= whole.items()
    assert rest.items() <= whole.items()


@pytest.mark.slow
def test_trainer(place: Path) -> None:
    pytest.importorskip("accelerate")
    source = Source("my_model.star", SOURCE)
    hf.export(Architecture.of(source), place / "my_folder", remote_code=True)
    output(place, "trainer.py")
    assert (place / "tuned" / "model.safetensors").exists()


@pytest.mark.slow
def test_lightning(place: Path) -> None:
    pytest.importorskip("lightning")
    output(place, "with_lightning.py")
    assert [*(place / "checkpoints").glob("*.ckpt")]
