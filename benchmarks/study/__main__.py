"""A study of what a search finds, from real text to the claims of the paper.

    python -m benchmarks.study                        # to the end
    python -m benchmarks.study --minutes 9            # a piece; again, until it is done
    python -m benchmarks.study --report               # what is known, as docs/study.md

Three independent searches; then the best that they found and what people designed,
with as many parameters and tokens, each with its own learning rate and for 20 times as
many steps, with five seeds; how well short, narrow and shallow trainings rank a sample
of designs; and the best at twice the depth. The text is the source of Python's library.

Results are lines in benchmarks/results/study/SIZE/, one a training or a candidate,
where a later run goes on; `--work` holds what they were made with and can be lost: a
search that was not finished begins again then. Numbers are in
benchmarks/results/study.json, of another size in study_SIZE.json.
"""

import argparse
import json
import time
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from benchmarks.study import claims, page, plots, searches, trainings
from benchmarks.study.plan import Plan
from benchmarks.study.sizes import SIZES, Size, search

ROOT = Path(__file__).parent.parent.parent
RESULTS = ROOT / "benchmarks" / "results"
DOCS = ROOT / "docs"


def plan(size: Size, results: Path) -> Plan:
    """As far as the files of `results` say."""
    files = [results / f"search-{seed}.jsonl" for seed in range(size.searches)]
    found = [
        searches.load(file, seed) for seed, file in enumerate(files) if file.exists()
    ]
    return Plan(size, found, trainings.load(results / "trainings.jsonl"))


def advance(
    size: Size, results: Path, work: Path, deadline: float, processes: int = 1
) -> bool:
    """Goes on until `deadline`, of time.monotonic; whether all is done."""
    before = plan(size, results)
    texts = [one.of for one in before.known.values()]
    of = trainings.text_of(size, [*texts, *(one.of for one in before.searches)])
    for seed in range(size.searches):
        file, folder = results / f"search-{seed}.jsonl", work / f"search-{seed}"
        if file.exists():
            continue
        left = (deadline - time.monotonic()) / 60
        wanted = search(size, seed)
        if left <= 0 or not searches.run(wanted, folder, left, processes):
            return False
        searches.export(folder, file, of)
        print(f"search {seed} is finished", flush=True)
    while True:
        now = plan(size, results)
        tasks = trainings.missing(now.tasks(), now.known)
        if not tasks:
            return True
        _, some = next(groupby(tasks, attrgetter("stage")))
        file = results / "trainings.jsonl"
        if not trainings.do(some, size, file, work, deadline, of):
            return False


def report(size: str, results: Path = RESULTS, docs: Path = DOCS) -> None:
    """Writes the numbers of a size, the page and its plots."""
    found = claims.found(plan(SIZES[size], results / "study" / size), size)
    name = "study" if size == "cpu" else f"study_{size}"
    (results / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n")
    (docs / f"{name}.md").write_text(page.text(found))
    plots.write(found, docs / "study")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=0, help="0: to the end")
    parser.add_argument("--size", choices=SIZES, default="cpu")
    parser.add_argument("--processes", type=int, default=1, help="of a search")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "study")
    parser.add_argument("--report", action="store_true", help="train nothing")
    given = parser.parse_args()
    results, done = RESULTS / "study" / given.size, True
    if not given.report:
        minutes = given.minutes or 60 * 24 * 365
        deadline = time.monotonic() + 60 * minutes
        work = given.work / given.size
        done = advance(SIZES[given.size], results, work, deadline, given.processes)
    report(given.size)
    if not given.report:
        print("done" if done else "not done: the same command goes on")


if __name__ == "__main__":
    main()
