"""Every mistake, where it is told and how: `mistakes.txt`, texts and their goldens.

Texts are divided by `---` lines. After `# output` stands what is told, syntax aside:
code, place, the text there, label, then the second places. A text without a model or a
backbone gets one at its end. `python tests/lower/test_mistakes.py` writes the outputs
again; read the difference.
"""

from pathlib import Path

import pytest

from starc.catalogue import alphabet, names, sharing, values
from starc.compiler import check
from starc.source import Span

GOLDEN = Path(__file__).with_name("mistakes.txt")
OUTPUT = "# output\n"
STAGES = (names, values, sharing, alphabet)
CODES = {e.code for stage in STAGES for e in stage.EXPLANATIONS}


def cases() -> list[tuple[str, str]]:
    found = []
    for case in GOLDEN.read_text().split("---\n"):
        text, _, output = case.partition(OUTPUT)
        found.append((text, output))
    return found


def told(text: str) -> str:
    if "# whole" not in text:
        if "model " not in text:
            text += "model m { width = 64 }\n"
        if "backbone {" not in text:
            text += "backbone { SA-1 }\n"
    lines = []
    for found in check(text, "mistake.star"):
        if found.code not in CODES:
            continue
        notes = "".join(f" | {note.label} ({place(note.span)})" for note in found.notes)
        line = f"{found.code} {place(found.span)} {found.span.text!r}: {found.label}"
        lines.append(line.replace("\\n", " ") + notes + "\n")
    return "".join(lines)


def place(span: Span) -> str:
    line, column = span.source.line_and_column(span.start)
    where = "" if span.source.name == "mistake.star" else f"{span.source.name}:"
    return f"{where}{line}:{column}"


@pytest.mark.parametrize(("text", "output"), cases())
def test_mistakes(text: str, output: str) -> None:
    assert told(text) == output


if __name__ == "__main__":
    GOLDEN.write_text("---\n".join(t + OUTPUT + told(t) for t, _ in cases()))
