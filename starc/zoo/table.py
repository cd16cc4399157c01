"""What `starc zoo` lists: families that can be read, and what others lack."""

from textwrap import fill

from starc.columns import WIDTH
from starc.values import dataclass
from starc.zoo.families import NAMES, family
from starc.zoo.missing import MISSING


@dataclass(frozen=True)
class Entry:
    """A family of public models. missing: what of it is not imported.

    What can be imported can be exported too: one table is read both ways.
    """

    name: str
    title: str
    importable: bool
    missing: str

    def as_json(self) -> dict[str, object]:
        return {
            "name": self.name,
            "title": self.title,
            "importable": self.importable,
            "exportable": self.importable,
            "missing": self.missing,
        }


def entries() -> list[Entry]:
    """All that are known, by name."""
    found = [
        Entry(name, family(name).title, True, family(name).limits) for name in NAMES
    ]
    found += [Entry(name, "", False, why) for name, why in MISSING.items()]
    return sorted(found, key=lambda entry: entry.name)


def as_text() -> str:
    """A line a family, as wide as a terminal; what is lacking goes on below itself."""
    rows = [
        (
            one.name,
            "import, export" if one.importable else "-",
            f"but not {one.missing}" if one.importable and one.missing else one.missing,
        )
        for one in entries()
    ]
    wide = max(len(row[0]) for row in rows)
    found = (f"{a:{wide}}  {b:14}  {c}" for a, b, c in rows)
    beside = " " * (wide + 18)
    return "\n".join(fill(line, WIDTH, subsequent_indent=beside) for line in found)


INTRODUCTION = """\
# Public models

`starc import` reads the configuration of a public model, a Hugging Face folder or its
`config.json` alone, and writes the `.star` file that says the same. `starc convert`
maps its weights to those of the compiled model, and back.

    starc import SmolLM3-3B -o smollm3.star --weights weights.safetensors
    starc compile smollm3.star -o smollm3.py

    starc convert SmolLM3-3B smollm3.star -o weights.safetensors
    starc convert weights.safetensors smollm3.star -o theirs.safetensors \\
        --reverse SmolLM3-3B

What is imported is the same function: `make test` compares every family with its model
in transformers, for random configurations, in float64. A configuration that cannot be
said exactly is refused, and each field that says so is named; so is a field that the
table of the family does not know. Nothing is downloaded, no code of a checkpoint is
run, and pickled weights are not read.

Weights are moved a few rows at a time, and bit for bit. Where a family has a constant
that stands in the weights here, `import` and `convert` say so; such tensors are written
in float32, and back to rounding. `starc weights FILE --json` says of every tensor of a
compiled model which rows are which tensor of which LIV.

A family is one file in `starc/zoo/families`, and in it one table: what each field of a
configuration says, and which tensor is which. It is read both ways: a model that a
family can say is recognised as one, whoever wrote its source, and exported under the
family's names. This page is made from the tables (`make golden`).
"""


def as_markdown() -> str:
    """docs/zoo.md."""
    rows = entries()
    here = [one for one in rows if one.importable]
    lines = [
        INTRODUCTION,
        "## Imported\n",
        "| family | what | but not |",
        "|---|---|---|",
    ]
    lines += [f"| `{one.name}` | {one.title} | {one.missing} |" for one in here]
    lines += ["\n## Not yet\n", "| family | what of it is not imported |"]
    lines += ["|---|---|"]
    lines += [f"| `{one.name}` | {one.missing} |" for one in rows if not one.importable]
    return "\n".join(lines) + "\n"
