"""What MkDocs calls: made pages join those of docs/; links are those of the site."""

import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

sys.path.insert(0, str(Path(__file__).parents[2]))  # mkdocs loads this file by its path

from starc import operators
from tools.site import pages

SHOWN = re.compile(r"```star\n(.*?)```\n", re.DOTALL)


def on_config(config: Any) -> Any:
    """The operators follow from their list, here too."""
    for section in config["nav"]:
        for entry in section.get("Reference", []):
            if "Operators" in entry:
                entry["Operators"] = [
                    "reference/operators/index.md",
                    *(f"reference/operators/{kind}.md" for kind in operators.NAMES),
                ]
    return config


def on_files(files: Files, *, config: Any) -> Files:
    """Adds the made pages, and a picture of each program of the tour."""
    for place, content in pages.pages():
        files.append(File.generated(config, place, content=content))
    tour = (pages.ROOT / "docs" / "tour.md").read_text(encoding="utf-8")
    for number, text in enumerate(SHOWN.findall(tour)):
        if "backbone" in text:
            content = pages.picture(text, "tour.star")
            files.append(File.generated(config, _picture(number), content=content))
    return files


def on_page_markdown(text: str, *, page: Any, **_: Any) -> str:
    if page.file.src_uri == "tour.md":
        numbers = iter(range(len(text)))

        def with_picture(match: re.Match[str]) -> str:
            number = next(numbers)
            image = f"\n![its LIVs in order]({_picture(number)})\n"
            return match[0] + (image if "backbone" in match[1] else "")

        text = SHOWN.sub(with_picture, text)
    return pages.linked(text)


def _picture(number: int) -> str:
    return f"pictures/tour_{number}.svg"
