"""Files of two versions in one package, a dash in a name, a package in the package."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from starc.vendoring import lock as locks

from .conftest import TEXT, Repository

torch = pytest.importorskip("torch")

OLD = Path(__file__).parent / "written_by_0_1_0"
PACKAGE = "vendored_side_by_side"


@pytest.fixture
def modules(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An old file, edited since; today's; one with a dash; one in a nested package."""
    repository.pkg = repository.folder / PACKAGE
    source = (OLD / "tiny_hybrid.star").read_text()
    repository.write(source, "tiny_hybrid.star")
    repository.vendor("tiny_hybrid.star")
    repository.vendor("tiny_hybrid.star", name="today.py")
    repository.write(TEXT, "my-net.star")
    repository.vendor("my-net.star", name="my-net.py")
    old = (OLD / "tiny_hybrid.py.txt").read_text()
    (repository.pkg / "tiny_hybrid.py").write_text(old)
    repository.pkg = repository.pkg / "nested"
    repository.vendor()
    monkeypatch.syspath_prepend(str(repository.folder))
    importlib.invalidate_caches()
    return [
        f"{PACKAGE}.{n}" for n in ("tiny_hybrid", "today", "my-net", "nested.small")
    ]


def test_all_import_compile_and_run(repository: Repository, modules: list[str]) -> None:
    loaded = [importlib.import_module(name) for name in modules]
    try:
        tokens = torch.randint(0, 32, (2, 9))
        for module in loaded:
            model = module.Model(module.Config(vocab=32))
            expected = model(tokens)
            assert expected.shape == (2, 9, 32)
            expected.sum().backward()
            compiled = torch.compile(model, backend="eager", fullgraph=True)
            torch.testing.assert_close(compiled(tokens), expected)
            made = model.generate(tokens, 3)  # of an old file a tensor
            assert getattr(made, "tokens", made).shape == (2, 12)
    finally:
        for name in [n for n in sys.modules if n.split(".")[0] == PACKAGE]:
            del sys.modules[name]


def test_the_locks_know_them_all(repository: Repository, modules: list[str]) -> None:
    package = repository.folder / PACKAGE
    assert set(locks.read(package)) == {"tiny_hybrid.py", "today.py", "my-net.py"}
    assert set(locks.read(package / "nested")) == {"small.py"}
    states = repository.states()
    assert len(states) == 4
    assert states.pop(f"{PACKAGE}/tiny_hybrid.py")[0] == "edited"
    assert set(states.values()) == {("pristine",)}


def test_they_need_nothing_but_torch(
    repository: Repository, modules: list[str]
) -> None:
    """Whoever has the repository has no starc, and imports them in any order."""
    code = (
        "import importlib, sys\n"
        f"for name in {modules[::-1]!r}: importlib.import_module(name)\n"
        "assert not any(n.split('.')[0] == 'starc' for n in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=repository.folder, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()
