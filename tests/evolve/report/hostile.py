"""Texts that would be markup, scripts, attributes or tricks if anyone let them."""

import json
import sqlite3
from pathlib import Path
from random import Random
from typing import Any

from starc.evolve.problem.spec import label
from starc.evolve.storage.database import FILE
from tests.evolve.report.fake_run import write

MARK = "ᚼ"
"""In every hostile text: where it is found, a text of the database was written."""

PIECES = (
    *("<script>document.documentElement.dataset.owned = 1</script>", "</script>"),
    *("<!--", "-->", "]]>", "<![CDATA[", "<?x", "<!DOCTYPE", "</svg>", "</pre>", "<b"),
    *("<img src=x onerror=document.documentElement.dataset.owned=1>", "&lt;", "&#60;"),
    *('"', "'", '" onmouseover="x', "' x='", "`", "=", ">", "&", "&amp", "{{ 1 }}"),
    *("{% if %}", "javascript:x", "\\u003c", "\\", "\n", "\r", "\t", "\0", "\x1b[31m"),
    *("\u202e", "\u2066", "\u200b", "\ufeff", "\u2028", "\u2029", "\x85", "\x7f"),
    *("\ufffe", "\uffff", "\U0001ffff", "\ufdd0", "\ud800", "\udcff", "\U0001f600"),
)


def text(drawn: Random, most: int = 12) -> str:
    """Of such pieces, and of characters of all of Unicode, lone surrogates too."""
    found = [MARK]
    for _ in range(drawn.randint(0, most)):
        anything = drawn.random() < 0.3
        found.append(
            chr(drawn.randrange(0x110000)) if anything else drawn.choice(PIECES)
        )
    drawn.shuffle(found)
    return "".join(found)


def stored(drawn: Random) -> str:
    """As a column that is no JSON can hold it."""
    return text(drawn).encode("utf-8", "replace").decode()


def run(folder: Path, drawn: Random) -> Path:
    """A run whose database holds such texts wherever one can stand."""
    write(folder, population=5, generations=2)
    connection = sqlite3.connect(folder / FILE)
    ask = connection.execute
    spec = json.loads(ask("SELECT value FROM meta WHERE key = 'spec'").fetchone()[0])
    _search(spec, drawn)
    ask("UPDATE meta SET value = ? WHERE key = 'spec'", (json.dumps(spec),))
    goals = [
        label(goal["name"], tuple(map(tuple, goal["arguments"])))
        for goal in spec["objectives"]
    ]
    for (id,) in ask("SELECT id FROM candidates").fetchall():
        changes = [{"by": by, "words": text(drawn)} for by in ("repair", text(drawn))]
        changes[0] |= {"gene": text(drawn), "parameter": text(drawn)}
        values = (
            stored(drawn),
            stored(drawn),
            json.dumps(changes),
            f"{stored(drawn)}{id}",
            id,
        )
        where = "function = ?, origin = ?, changes = ?, key = ? WHERE id = ?"
        ask(f"UPDATE candidates SET {where}", values)
        if drawn.random() < 0.3:
            source = f"# {stored(drawn)}"
            ask("UPDATE candidates SET source = ? WHERE id = ?", (source, id))
        for table in ("outcomes", "rungs"):
            found = ask(f"SELECT measures FROM {table} WHERE candidate = ?", (id,))
            measures = json.loads(found.fetchone()[0])
            measures |= {goal: drawn.random() for goal in goals}
            measures |= {text(drawn): 1.5, text(drawn): 2.5}
            query = f"UPDATE {table} SET measures = ?, reason = ? WHERE candidate = ?"
            ask(query, (json.dumps(measures), stored(drawn), id))
            if drawn.random() < 0.3:
                ask(f"UPDATE {table} SET status = 'failed' WHERE candidate = ?", (id,))
    for (number,) in ask("SELECT generation FROM proposals").fetchall():
        counted = json.dumps({"tried": 9, "invalid": 2, text(drawn): 3})
        query = "UPDATE proposals SET statistics = ? WHERE generation = ?"
        ask(query, (counted, number))
    ask("UPDATE timings SET name = ? WHERE candidate > 0", (stored(drawn),))
    connection.commit()
    connection.close()
    return folder


def _search(spec: dict[str, Any], drawn: Random) -> None:
    """Everything in the spec that may be any text."""
    spec["data"] = text(drawn)
    spec["seeds"][0][0] = text(drawn)
    spec["objectives"][0]["name"] = text(drawn)
    spec["objectives"][1]["arguments"] = [[text(drawn), text(drawn)]]
    bound = {"relation": "<=", "bound": 1e9, "arguments": [[text(drawn), 1]]}
    spec["requirements"] = [{"name": text(drawn), **bound}]
    spec["open"] = [["GMemless", [[text(drawn), [text(drawn), 2]]]]]
    spec["genes"] = [["placement", [text(drawn)]]]
