"""Pages that are made, not written: of operators, mistakes, commands, genes, examples.

`pages()` gives each by its place in the site: text in Markdown, pictures as bytes. What
they say is read from the tables that the compiler itself reads, so a new operator, code
or command has its page by itself.
"""

import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator
from pathlib import Path
from textwrap import dedent

from typer.testing import CliRunner

from starc import catalogue, compiler, operators, passes
from starc.alphabet import Alphabet, Meaning, Option, prelude, template_of
from starc.alphabet.around import AROUND
from starc.cli.app import app
from starc.cli.commands import MODULES
from starc.draw import architecture, heatmap
from starc.draw import operator as drawn
from starc.genome import reference
from starc.lsp import describe
from starc.reference.cases import cases_of
from starc.source import Source

ROOT = Path(__file__).parents[2]
WIDTH, CONTEXT = 1024, 4096
"""Channels and tokens for which the page of an operator tells what it costs."""

MADE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
"""Documents beside docs/, and their places in the site."""

Pages = Iterator[tuple[str, str | bytes]]


def pages() -> Pages:
    """Every made page and picture."""
    for path, place in MADE.items():
        yield place, linked((ROOT / path).read_text(encoding="utf-8"), "docs/")
    yield from examples()
    yield from operator_pages()
    yield "reference/mistakes.md", mistakes()
    yield "reference/commands.md", commands()
    yield "reference/genes.md", reference.as_markdown()


def linked(text: str, folder: str = "") -> str:
    """Links between documents as the site has them; folder: where docs/ is from here.

    What is no page (a folder of the repository) is named without a link.
    """
    known = {"examples.md", *MADE.values()}
    known |= {path.name for path in (ROOT / "docs").glob("*.md")}
    if played():
        known.add("playground/index.html")

    def place(match: re.Match[str]) -> str:
        words, link, anchor = match[1], match[2], match[3] or ""
        link = link.removeprefix("../").removeprefix(folder)
        link = "examples.md" if link == "examples" else MADE.get(link, link)
        return f"[{words}]({link}{anchor})" if link in known else words

    pattern = r"(?<!!)\[([^\]]+)\]\((?!https?:|#)([^)#]+)(#[^)]*)?\)"
    return re.sub(pattern, place, text)


def picture(text: str, name: str) -> bytes:
    """What `starc draw` makes of a text."""
    return architecture(passes.run(compiler.to_ir(text, name))).encode()


PLAYGROUND = ROOT / "build" / "playground" / "dist"
"""The page that compiles in a browser, once `make playground` has built it."""


def played() -> bool:
    """Whether the site has the playground."""
    return (PLAYGROUND / "index.html").is_file()


def fragment(text: str) -> str:
    """A program as an address of the playground carries it: base64url of its UTF-8."""
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def try_it(text: str) -> str:
    """A link that opens a program in the playground; "" where there is none."""
    return f"[try it](playground/index.html#{fragment(text)})" if played() else ""


def examples() -> Pages:
    """All examples: of each the picture and the text."""
    lines = [
        "# Examples",
        "Each is a file in `examples/`, and tested like the compiler.",
    ]
    for path in sorted((ROOT / "examples").glob("*.star")):
        text, place = path.read_text(encoding="utf-8"), f"pictures/{path.stem}.svg"
        yield place, picture(text, path.name)
        lines += [f"## {path.stem}", f"![its LIVs in order]({place})", _star(text)]
        lines += filter(None, [try_it(text)])
    yield "examples.md", _page(lines)


def operator_pages() -> Pages:
    """A page for each operator, and one of what may be said around any LIV."""
    alphabet, rows = prelude(), []
    for kind in operators.NAMES:
        named = ", ".join(f"`{name}`" for name in names_of(kind, alphabet))
        rows.append(f"| [{template_of(kind).title}]({kind}.md) | {named} |")
        yield from _operator(kind, alphabet)
    lines = [
        "# Operators",
        "A LIV is y = T(x) x. Each operator has a page: its formula, the LIVs that are "
        "it, what may be said of it, what it costs, and how its T(x) looks.",
        "\n".join(["| operator | LIVs |", "|---|---|", *rows]),
        "## Around any LIV",
        "What stands around it in the residual stream:",
        _options(AROUND.values()),
    ]
    yield "reference/operators/index.md", _page(lines)


def names_of(kind: str, alphabet: Alphabet) -> dict[str, Meaning]:
    """The LIVs of an operator, without differences; the field's names first."""
    found = {
        name: meaning
        for name, meaning in alphabet.livs.items()
        if meaning is not None
        and meaning.liv.template.kind == kind
        and meaning.liv.of is None
    }
    return {name: found[name] for name in sorted(found, key=lambda n: n[-1].isdigit())}


def _operator(kind: str, alphabet: Alphabet) -> Pages:
    template, names = template_of(kind), names_of(kind, alphabet)
    formula = operators.part(kind, "operator")
    (written_class,) = (
        item
        for item in vars(formula).values()
        if isinstance(item, type) and getattr(item, "kind", "") == kind
    )
    place = f"reference/operators/{kind}.png"
    use = cases_of(kind).uses[0]
    small = f"model small {{ width = 32; vocab = 256 }}\nbackbone {{ x: {use} }}\n"
    yield place, heatmap.as_png(drawn.mixing(Source("small.star", small), "x").maps)
    lines = [f"# {template.title[:1].upper()}{template.title[1:]}"]
    lines += [f"{formula.__doc__}", listed(dedent(f"    {written_class.__doc__}"))]
    lines += _meanings(names)
    lines += ["## What may be said of it", _options(template.by_name.values())]
    lines += [
        "## How T(x) looks",
        "Row t is what token t takes from each token up to it. The mean comes first, "
        "then single heads or channels; the weights are random:",
        f"![T(x)]({kind}.png)",
        _star(small),
    ]
    yield f"reference/operators/{kind}.md", _page(lines)


def listed(text: str) -> str:
    """A docstring whose paragraphs of `name: meaning` are lists, an entry a name.

    An entry begins at a line's start, and its further lines stand further in; or names
    stand between backticks.
    """
    return "\n\n".join(map(_paragraph, re.split(r"\n\s*\n", text.strip())))


def _paragraph(text: str) -> str:
    entries = re.split(r"\n(?=`?\w+`?: )", text)
    if not all(re.match(r"`?\w+`?: ", entry) for entry in entries):
        return text
    found = []
    for entry in entries:
        name, _, meaning = " ".join(entry.split()).partition(": ")
        found.append(f"- `{name.strip('`')}`: {meaning}")
    return "\n".join(found)


def _meanings(names: dict[str, Meaning]) -> Iterator[str]:
    """What names stand for, those of one meaning together, and what one costs."""
    alike: dict[object, list[str]] = {}
    for name, meaning in names.items():
        alike.setdefault((meaning.liv.name, str(meaning.stated)), []).append(name)
    for together in alike.values():
        name = together[0]
        text = f"model m {{ width = {WIDTH} }}\nbackbone {{ {name} }}\n"
        (liv,) = passes.run(compiler.to_ir(text)).livs()
        costs = describe.built(liv.operator, liv.residual, CONTEXT)
        yield f"## {', '.join(together)}"
        yield describe.meaning(name, names[name])
        yield f"At a width of {WIDTH}: {costs}"


def _options(rows: Iterable[Option]) -> str:
    lines = ["| parameter | meaning | takes | default |", "|---|---|---|---|"]
    for row in rows:
        cells = (f"`{row.name}`", row.meaning, row.takes, describe.unsaid(row))
        lines.append(
            "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
        )
    return "\n".join(lines)


def mistakes() -> str:
    """What `starc explain` says of every code."""
    lines = ["# Mistakes", "What `starc check` reports, by code: `starc explain CODE`."]
    for code in catalogue.codes():
        found = catalogue.explain(code)
        assert found is not None
        lines += [f"## {code}", f"**{found.title}.**", found.text]
        if found.wrong:
            lines += ["Wrong:", _star(found.wrong), "Right:", _star(found.right)]
    return _page(lines)


def commands() -> str:
    """The help of every command."""

    def told(*call: str) -> str:
        found = CliRunner().invoke(app, [*call, "--help"], env={"COLUMNS": "80"})
        return f"```text\n{found.stdout.strip()}\n```"

    lines = ["# Commands", told()]
    for name in MODULES:
        lines += [f"## starc {name}", told(name)]
    return _page(lines)


def _star(text: str) -> str:
    return f"```star\n{text.rstrip()}\n```"


def _page(parts: list[str]) -> str:
    return "\n\n".join(parts) + "\n"
