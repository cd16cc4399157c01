"""What MkDocs calls: made pages join those of docs/; links are those of the site."""

import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files, InclusionLevel

sys.path.insert(0, str(Path(__file__).parents[2]))  # mkdocs loads this file by its path

from starc import operators
from tools.site import pages

SHOWN = re.compile(r"```star\n(.*?)```\n", re.DOTALL)


def on_config(config: Any) -> Any:
    """The operators follow from their list, here too; the playground is named where
    it is built."""
    if pages.played():
        config["nav"].insert(2, {"Playground": "playground/index.html"})
    for section in config["nav"]:
        for entry in section.get("Reference", []):
            if "Operators" in entry:
                entry["Operators"] = [
                    "reference/operators/index.md",
                    *(f"reference/operators/{kind}.md" for kind in operators.NAMES),
                ]
    return config


def on_files(files: Files, *, config: Any) -> Files:
    """Adds the made pages, a picture of each program of the tour, and the playground
    where it is built."""
    for place, content in pages.pages():
        files.append(File.generated(config, place, content=content))
    tour = (pages.ROOT / "docs" / "tour.md").read_text(encoding="utf-8")
    for number, text in enumerate(SHOWN.findall(tour)):
        if "backbone" in text:
            content = pages.picture(text, "tour.star")
            files.append(File.generated(config, _picture(number), content=content))
    if pages.played():
        for path in sorted(pages.PLAYGROUND.rglob("*")):
            if path.is_file():
                place = f"playground/{path.relative_to(pages.PLAYGROUND).as_posix()}"
                file = File.generated(
                    config,
                    place,
                    abs_src_path=str(path),
                    inclusion=InclusionLevel.INCLUDED,  # though its sources are not
                )
                files.append(file)
    return files


def on_page_markdown(text: str, *, page: Any, **_: Any) -> str:
    if page.file.src_uri == "tour.md":
        numbers = iter(range(len(text)))

        def with_picture(match: re.Match[str]) -> str:
            number = next(numbers)
            if "backbone" not in match[1]:
                return match[0]
            image = f"\n![its LIVs in order]({_picture(number)})\n"
            link = pages.try_it(match[1])
            return match[0] + image + (link and f"\n{link}\n")

        text = SHOWN.sub(with_picture, text)
    text = text.replace("<BLANKLINE>", "")  # doctest's own word
    return pages.linked(text)


def _picture(number: int) -> str:
    return f"pictures/tour_{number}.svg"
