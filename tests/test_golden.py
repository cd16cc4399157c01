"""What is emitted for every example, to the letter, without the vendored kernels.

`pytest tests/test_golden.py --update-golden` writes the expected files anew.
"""

from pathlib import Path

import pytest

from starc import compiler
from starc.backend import template_code

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.star"))
GOLDEN = Path(__file__).parent / "golden"
KERNELS = "\n# kernels/"


def emitted(example: Path) -> str:
    """The emitted text up to the kernels, which have tests of their own."""
    text = compiler.compile(example.read_text(encoding="utf-8"), example.name)
    return text.partition(KERNELS)[0].rstrip("\n") + "\n"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_is_as_expected(example: Path, request: pytest.FixtureRequest) -> None:
    expected = GOLDEN / f"{example.stem}.py"
    found = emitted(example)
    if request.config.getoption("--update-golden"):
        expected.write_text(found, encoding="utf-8")
    assert found == expected.read_text(encoding="utf-8")


def test_templates_ship_as_python(request: pytest.FixtureRequest) -> None:
    for name, text in template_code.shipped().items():
        path = ROOT / "templates" / name
        if request.config.getoption("--update-golden"):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8"), "make golden"


def test_no_golden_is_left_over() -> None:
    stems = {example.stem for example in EXAMPLES}
    assert {path.stem for path in GOLDEN.glob("*.py")} == stems


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_says_what_it_shows(example: Path) -> None:
    assert example.read_text(encoding="utf-8").startswith("# ")
