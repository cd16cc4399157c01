"""`starc upgrade`: vendored files as today's starc writes them, edits kept."""

import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from difflib import unified_diff
from pathlib import Path

from starc import compiler, passes
from starc.diagnostics import StarError
from starc.ir.compare import describe_changes
from starc.source import Source
from starc.values import dataclass
from starc.vendoring import folder as folders
from starc.vendoring import lock as locks
from starc.vendoring import sources
from starc.vendoring.error import VendoringError
from starc.vendoring.find import File
from starc.vendoring.lock import Record
from starc.vendoring.plan import UNMERGED, Plan, again, read_mine, save, today


@dataclass(frozen=True)
class Upgrade:
    """before: the text of the file. plan: None where there is a `problem`.

    changes: of the architecture, in words; none as a rule. orphaned: the `.star` file
    is gone, and the source in the lock was taken.
    """

    path: Path
    before: str = ""
    plan: Plan | None = None
    changes: tuple[str, ...] = ()
    orphaned: bool = False
    problem: Exception | None = None

    @property
    def diff(self) -> str:
        """What changes in the file, as `git diff` shows it."""
        if self.plan is None:
            return ""
        after = self.plan.new if self.plan.action == UNMERGED else self.plan.text
        name = self.path.as_posix().lstrip("/")
        texts = _lines(self.before), _lines(after)
        found = unified_diff(*texts, f"a/{name}", f"b/{name}")
        unended = "\n\\ No newline at end of file\n"
        return "".join(line if line[-1] == "\n" else line + unended for line in found)


def upgrade(files: Iterable[File], dry_run: bool = False) -> Iterator[Upgrade]:
    """Upgrades each of the files that a lock knows, one by one.

    What is wrong with one is its `problem`, and leaves the others alone.
    dry_run: nothing is written.
    """
    for file in files:
        if file.record is None:
            continue
        try:
            yield _upgraded(file, file.record, dry_run)
        except (StarError, VendoringError, OSError) as error:
            yield Upgrade(file.at.path, problem=error)


def _lines(text: str) -> list[str]:
    """With their ends; only a line feed is one."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _upgraded(file: File, record: Record, dry_run: bool) -> Upgrade:
    place, home = file.at, file.home
    with ExitStack() as claims:
        for folder in () if dry_run else sorted({place.folder, home.folder}):
            claims.enter_context(folders.claimed(folder))
        if locks.read(home.folder).get(home.name) != record:
            raise VendoringError(
                f"{home.folder / locks.NAME}: another starc has just changed this; "
                "the same command goes on"
            )
        mine = read_mine(place)
        if mine is None:
            raise VendoringError(
                f"{place.path}: this is gone: take it back from git, or delete its "
                "table in starc.lock"
            )
        source = sources.on_disk(home.folder, home.name, record)
        orphaned = bool(record.source) and source is None
        shown = source or Source(Path(record.source).name or place.name, record.text)
        path = record.source
        if file.moved and path:
            path = sources.path_from(place.folder, str(home.folder / path))
        plan = again(mine.text, home, record, today(shown, record.options.today, path))
        if not dry_run:
            save(place, home, mine, plan)
    changes = _changes(record.text, shown)
    return Upgrade(place.path, mine.text, plan, changes, orphaned)


def _changes(before: str, after: Source) -> tuple[str, ...]:
    """What `starc diff` says of the sources; nothing where the old one is no model for
    today's starc."""
    if before == after.text:
        return ()
    try:
        old = passes.run(compiler.to_ir(before))
    except StarError:
        return ()
    return tuple(describe_changes(old, passes.run(compiler.to_ir(after))))
