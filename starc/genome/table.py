"""One table of the gene reference, as Markdown and as JSON."""

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

    def as_markdown(self) -> str:
        """A section; columns that are empty throughout are left out."""
        rows = [self.columns, *(tuple(map(_text, row)) for row in self.rows)]
        kept = [i for i, _ in enumerate(self.columns) if any(r[i] for r in rows[1:])]
        widths = [max(len(row[i]) for row in rows) for i in kept]
        lines = [
            "| "
            + " | ".join(f"{row[i]:{w}}" for i, w in zip(kept, widths, strict=True))
            + " |"
            for row in rows
        ]
        lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
        return f"## {self.title}\n\n{self.about}\n\n" + "\n".join(lines)


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    text = ", ".join(cell) if isinstance(cell, list) else str(cell)
    return text.replace("|", "\\|")
