"""Writes the skeleton of an operator, which compiles and is tested at once.

    make new-operator NAME=my_mixer

A folder in starc/operators, a template, the name in the list of operators, and lines at
the end of the prelude: copies of tools/skeleton, whose words `skeleton` and `Skeleton`
become `my_mixer` and `MyMixer`. Nothing is written over.
"""

import keyword
import re
import sys
from pathlib import Path

SKELETON = Path(__file__).parent / "skeleton"
ROOT = Path(__file__).parents[1]


def plan(name: str, root: Path) -> dict[Path, str]:
    """What to write where. Raises ValueError if the name cannot be used."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or keyword.iskeyword(
        name
    ):
        raise ValueError(f"{name!r}: lower-case words with _ between them, as my_mixer")
    class_name = "".join(word.capitalize() for word in name.split("_"))
    folder = root / "starc" / "operators" / name
    listed = root / "starc" / "operators" / "__init__.py"
    prelude = root / "grammar" / "prelude.star"
    before, names, after = _list_of_operators(listed.read_text("utf-8"))
    words = set(re.findall(r"[\w-]+", prelude.read_text("utf-8")))
    if name in names or folder.exists() or {name, class_name} & words:
        raise ValueError(
            f"{name}: there is an operator, or a word of the prelude, so called"
        )

    def renamed(text: str) -> str:
        return text.replace("skeleton", name).replace("Skeleton", class_name)

    found = {
        folder / path.name: renamed(path.read_text("utf-8"))
        for path in sorted(SKELETON.glob("*.py"))
    }
    template = (SKELETON / "skeleton.py.j2").read_text("utf-8")
    found[root / "templates" / "operators" / f"{name}.py.j2"] = renamed(template)
    found[listed] = "".join([before, *(f'    "{n}",\n' for n in (*names, name)), after])
    lines = (SKELETON / "skeleton.star").read_text("utf-8")
    found[prelude] = prelude.read_text("utf-8") + renamed(lines)
    return found


def _list_of_operators(text: str) -> tuple[str, list[str], str]:
    """The text of the file before the names, the names, and the text after them."""
    start = text.index("NAMES = (\n") + len("NAMES = (\n")
    end = text.index(")\n", start)
    return text[:start], re.findall(r'"(\w+)"', text[start:end]), text[end:]


def write(name: str, root: Path = ROOT) -> list[Path]:
    """Writes all of it; ValueError, and nothing, where the name cannot be used."""
    files = plan(name, root)
    for path, text in files.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(files)


NEXT = """
Try it:
  echo 'model {{ width = 64 }}; backbone {{ {liv} }}' | .venv/bin/starc compile -
Test it:
  .venv/bin/python -m pytest tests -k {name} -m 'not slow'
What to write now, and in which order, stands in CONTRIBUTING.md."""


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("make new-operator NAME=my_mixer", file=sys.stderr)
        return 2
    (name,) = arguments
    try:
        written = write(name)
    except ValueError as problem:
        print(problem, file=sys.stderr)
        return 1
    for path in written:
        print(path.relative_to(ROOT))
    liv = "".join(word.capitalize() for word in name.split("_"))
    print(NEXT.format(name=name, liv=liv))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
