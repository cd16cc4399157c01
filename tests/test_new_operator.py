"""`make new-operator`: what it writes is an operator that compiles and is right."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from starc import check, compiler, operators
from starc.reference.cases import cases_of
from tests.emitted.architectures import forms, model, use
from tests.emitted.comparison import answer, check_decoding
from tests.emitted.comparison import check as equals
from tests.emitted.helpers import OPTIONAL, emit
from tests.registry import registered
from tools.new_operator import SKELETON, main, plan, write

ROOT = Path(__file__).parents[1]


@pytest.fixture
def skeleton() -> Iterator[None]:
    with registered("skeleton", SKELETON.parent):
        yield


@pytest.mark.usefixtures("skeleton")
def test_the_skeleton_equals_the_reference_in_every_form_of_sharing() -> None:
    cases = cases_of("skeleton")
    models = {name: model(use(op)) for name, op in cases.instances.items()}
    models |= forms(cases.instances[cases.shared[0]])
    for made in models.values():
        for without in (frozenset[str](), OPTIONAL):
            emitted = emit(made, without)
            expected = answer(emitted.ir, 11)
            equals(emitted, expected)
            check_decoding(emitted, expected)


@pytest.mark.usefixtures("skeleton")
def test_the_lines_of_the_prelude_compile() -> None:
    lines = (SKELETON / "skeleton.star").read_text()
    for use_of_it in cases_of("skeleton").uses:
        text = f"model m {{ width = 32 }}\nbackbone {{ {use_of_it} }}\n{lines}"
        assert not check(text)
        assert "class Skeleton(nn.Module)" in compiler.compile(text)


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of what the command changes."""
    for path in ("starc/operators/__init__.py", "grammar/prelude.star"):
        (tmp_path / path).parent.mkdir(parents=True)
        shutil.copy(ROOT / path, tmp_path / path)
    (tmp_path / "templates/operators").mkdir(parents=True)
    return tmp_path


def contents(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_text() for path in files}


def test_what_is_written(house: Path) -> None:
    before = contents(house)
    written = {str(path.relative_to(house)) for path in write("my_mixer2", house)}
    after = contents(house)
    assert written == {name for name in after if after[name] != before.get(name)}
    folder = {"__init__", "operator", "options", "emission", "reference", "cases"}
    assert written == {
        *(f"starc/operators/my_mixer2/{name}.py" for name in folder),
        "templates/operators/my_mixer2.py.j2",
        "starc/operators/__init__.py",
        "grammar/prelude.star",
    }
    new = "".join(after[name] for name in written)
    assert "skeleton" not in new.lower() and "class MyMixer2(Operator):" in new
    assert after["grammar/prelude.star"].startswith(before["grammar/prelude.star"])
    values: dict[str, object] = {}
    exec(after["starc/operators/__init__.py"], values)
    assert values["NAMES"] == (*operators.NAMES, "my_mixer2")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "MyMixer",
        "my-mixer",
        "2nd",
        "_x",
        "a__b",
        "class",
        "../x",
        "glu",
        "attention",
    ],
)
def test_a_name_that_cannot_be_used(name: str, house: Path) -> None:
    before = contents(house)
    if name in operators.NAMES:
        (house / "starc/operators" / name).mkdir()
    with pytest.raises(ValueError, match=name or "''"):
        write(name, house)
    assert contents(house) == before


def test_a_word_of_the_prelude_is_taken(house: Path) -> None:
    with pytest.raises(ValueError, match="there is"):
        plan("gate_up", house)  # a featurizer


def test_the_command_says_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2 and main(["glu"]) == 1
    said = capsys.readouterr().err
    assert "make new-operator NAME=" in said and "glu: there is" in said


@pytest.mark.slow
def test_it_is_swept_by_the_tests_at_once(tmp_path: Path) -> None:
    """In a copy of the house: formats, types, and every sweep that names it."""
    copy = tmp_path / "house"
    kept = shutil.ignore_patterns(".*", "build", "results", "__pycache__")
    shutil.copytree(ROOT, copy, ignore=kept)

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=copy,
            env={"PYTHONPATH": str(copy), "PATH": "", "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
        )
        assert not done.returncode, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    assert "templates/operators/my_mixer.py.j2" in run("tools.new_operator", "my_mixer")
    run("black", "--check", "starc/operators")
    run("ruff", "check", "starc/operators")
    run("mypy", "starc/operators/my_mixer")
    places = ("tests/reference", "tests/ir", "tests/lower", "tests/test_guards.py")
    found = run("pytest", "-q", "-k", "my_mixer", "-m", "not slow", *places)
    assert int(found.split(" passed")[0].split()[-1]) > 10
    found = run("pytest", "-q", "-k", "my_mixer", "-m", "not slow", "tests/emitted")
    assert int(found.split(" passed")[0].split()[-1]) > 50
