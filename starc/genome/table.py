"""One table of the gene reference, as Markdown and as JSON."""

import re
from collections.abc import Iterator
from itertools import zip_longest
from textwrap import fill, wrap

from starc.values import dataclass

Cell = str | int | None | list[str]


@dataclass(frozen=True)
class Table:
    """`key` names it in JSON. The column `mark` says how sure a row is."""

    key: str
    title: str
    about: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def as_json(self) -> dict[str, object]:
        rows = [dict(zip(self.columns, row, strict=True)) for row in self.rows]
        return {"title": self.title, "about": self.about, "rows": rows}

    def _cells(self) -> list[list[str]]:
        """The head and the rows; columns that are empty throughout are left out."""
        rows = [[_text(cell) for cell in row] for row in self.rows]
        kept = [i for i, _ in enumerate(self.columns) if any(row[i] for row in rows)]
        return [[row[i] for i in kept] for row in (self.columns, *rows)]

    def as_text(self, columns: int) -> str:
        """A section for a terminal.

        What is too wide for its column goes on below; where a word would be, a row is
        a paragraph.
        """
        head, *body = self._cells()
        across = [*zip(head, *body, strict=True)]
        widths = [max(map(len, cells)) for cells in across]
        words = [max(len(w) for c in cells for w in c.split()) for cells in across]
        room = columns - 2 * (len(widths) - 1)
        if sum(words) > room:
            rows = [
                fill(
                    ", ".join(f"{n}: {c}" for n, c in zip(head, row, strict=True) if c),
                    columns,
                    subsequent_indent="  ",
                )
                for row in body
            ]
        else:
            while sum(widths) > room:
                slack = [w - least for w, least in zip(widths, words, strict=True)]
                widths[slack.index(max(slack))] -= 1
            rows = [*_lines(head, widths), "  ".join("-" * width for width in widths)]
            rows += [line for row in body for line in _lines(row, widths)]
        about = _filled(self.about, columns)
        return f"{self.title}\n\n{about}\n\n" + "\n".join(rows)

    def as_markdown(self) -> str:
        """A section of a page."""
        rows = [[cell.replace("|", "\\|") for cell in row] for row in self._cells()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "| "
            + " | ".join(f"{cell:{w}}" for cell, w in zip(row, widths, strict=True))
            + " |"
            for row in rows
        ]
        lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
        about = re.sub(r"^(?!- |  )(.+)\n- ", r"\1\n\n- ", self.about, flags=re.M)
        return f"## {self.title}\n\n{about}\n\n" + "\n".join(lines)


def _lines(row: list[str], widths: list[int]) -> Iterator[str]:
    """A row, on as many lines as its longest cell takes."""
    cells = (wrap(cell, width) for cell, width in zip(row, widths, strict=True))
    for line in zip_longest(*cells, fillvalue=""):
        pairs = zip(line, widths, strict=True)
        yield "  ".join(f"{part:{width}}" for part, width in pairs).rstrip()


def _filled(text: str, columns: int) -> str:
    """Paragraphs and items of lists, each broken anew."""
    parts: list[str] = []
    for line in text.splitlines():
        if not parts or not line or not parts[-1] or line.startswith("- "):
            parts.append(line)
        else:
            parts[-1] += f" {line.strip()}"
    return "\n".join(
        fill(part, columns, subsequent_indent="  " * part.startswith("- "))
        for part in parts
    )


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    return ", ".join(cell) if isinstance(cell, list) else str(cell)
