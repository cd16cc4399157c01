"""vendor, verify, upgrade, recover: emitted files in somebody else's repository."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from starc.cli import streams
from starc.cli.failure import WRONG_CALL, WRONG_INPUT, Failure
from starc.cli.guard import reason
from starc.cli.options import (
    Json,
    Kernels,
    NoPass,
    Output,
    argument,
    input_argument,
    is_read,
    is_written,
    option,
)
from starc.cli.streams import STANDARD, read_source
from starc.printable import printable

if TYPE_CHECKING:
    from starc.vendoring.find import Found
    from starc.vendoring.options import Options
    from starc.vendoring.plan import Plan
    from starc.vendoring.verify import Verified

Paths = Annotated[
    list[str] | None,
    argument(
        metavar="PATHS...",
        help="Vendored files or folders; by default the current folder.",
        callback=is_read,
    ),
]


def vendor(
    files: Annotated[list[str], input_argument("FILES...", ".star files.")],
    into: Annotated[
        Path,
        option(metavar="DIR", help="The folder, as of a package.", callback=is_written),
    ],
    name: Annotated[
        str, option(metavar="NAME", help="Of the file; by default FILE's, .py.")
    ] = "",
    no_pass: NoPass = None,
    kernels: Kernels = "all",
    adopt: Annotated[
        bool,
        option("--adopt", help="Keep a file that is there: it counts as edited."),
    ] = False,
) -> None:
    """Compile FILES into a folder of your repository, to be edited and upgraded there.

    starc.lock and .starc/ beside the files say what they were made from: commit them
    too. Edits of a file that is there already are merged.
    """
    from starc.diagnostics import StarError
    from starc.vendoring.error import VendoringError
    from starc.vendoring.options import options

    if STANDARD in files:
        raise Failure("vendor needs files with names, not stdin")
    if name and len(files) > 1:
        raise Failure("--name goes with one file")
    given = options(no_pass or (), kernels)
    fine, problems = True, []
    for file in files:
        try:
            fine &= _vendored(file, into, name, given, adopt)
        except (StarError, VendoringError) as error:
            problems.append(error)
    _end(problems, fine)


def verify(paths: Paths = None, json: Json = False) -> None:
    """Say which vendored files are pristine or edited, and which need attention.

    Stale: the source changed, or today's starc writes something else. Orphaned: the
    source is gone. Unlocked: starc wrote the file, and no lock knows it. Exit code 1
    if any file is more than pristine or edited.
    """
    from starc.vendoring.verify import verify as verified

    found = _found(paths)
    rows = list(verified(found.files))
    if json:
        streams.say_json([_as_json(row) for row in rows])
    elif rows:
        streams.say(_table(rows))
    _end(found.problems, all(row.fine for row in rows))


def upgrade(
    paths: Paths = None,
    dry_run: Annotated[
        bool, option("--dry-run", help="Write nothing; show what would change.")
    ] = False,
) -> None:
    """Bring vendored files to what starc writes today of their sources.

    Pristine files are replaced, edits are merged by git. What both changed stands
    between git's markers in the file: solve it as in any merge. Exit code 1 then.
    """
    from starc.vendoring.upgrade import upgrade as upgraded

    found = _found(paths)
    fine = True
    for one in upgraded(found.files, dry_run):
        if one.problem is not None or one.plan is None:
            found.problems += [one.problem] if one.problem else []
            continue
        fine &= one.plan.fine
        _say(one.path, one.plan, dry_run)
        if one.orphaned:
            streams.tell(f"{one.path}: its .star file is gone; the lock has the source")
        for change in one.changes:
            streams.say(f"  {change}")
        if dry_run:
            streams.say_text(one.diff)
    for file in found.files:
        if file.record is None:
            streams.tell(f"{file.at.path}: unlocked: `starc vendor --adopt` records it")
            fine &= str(file.at.path) not in (paths or ())
    _end(found.problems, fine)


def recover(
    file: Annotated[str, input_argument("FILE", "A vendored file of Python.")],
    output: Output = STANDARD,
) -> None:
    """Write the .star source that a vendored file was made from, edited or not."""
    from starc.vendoring.error import VendoringError
    from starc.vendoring.recover import recover as recovered

    try:
        text = recovered(Path(file))
    except VendoringError as error:
        raise Failure(str(error), WRONG_INPUT) from None
    streams.write(output, text)


def _vendored(
    file: str, into: Path, name: str, options: "Options", adopt: bool
) -> bool:
    """Whether there was no conflict."""
    from starc.vendoring.vendor import vendor as vendored

    done = vendored(read_source(file), into, name, options, adopt)
    _say(done.path, done.plan)
    if not done.recorded:
        streams.tell(
            f"{file}: outside of the repository, so only starc.lock has it: after a "
            "change of it, `starc vendor` again"
        )
    return done.plan.fine


def _found(paths: list[str] | None) -> "Found":
    from starc.vendoring.find import find

    found = find([Path(path) for path in paths or ["."]])
    if not found.files and not found.problems:
        raise Failure(f"{', '.join(paths or ['.'])}: no vendored files here")
    return found


def _say(path: Path, plan: "Plan", dry_run: bool = False) -> None:
    from starc.vendoring.plan import CONFLICT, CURRENT, UNMERGED

    said = plan.action
    if plan.action == CONFLICT:
        lines = ", ".join(map(str, plan.conflicts))
        said = f"conflict: line {lines}; between the markers are both versions"
    elif plan.action == UNMERGED:
        said = f"not merged, for there is no git here; today's version: {path}.new"
    elif dry_run and plan.action != CURRENT:
        said = f"would be {plan.action}"
    streams.say(f"{path}: {said}")


def _table(rows: "list[Verified]") -> str:
    cells = [("file", "state", "starc", "source")]
    for row in rows:
        cells.append((str(row.path), ", ".join(row.states), row.starc, row.source))
    shown = [[printable(cell) for cell in line] for line in cells]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    lines = []
    for line, note in zip(shown, ["", *(row.note for row in rows)], strict=True):
        padded = (f"{cell:{width}}" for cell, width in zip(line, widths, strict=True))
        lines.append("  ".join(padded).rstrip())
        if note:
            lines.append(f"  {note}")
    return "\n".join(lines)


def _as_json(row: "Verified") -> dict[str, object]:
    return {
        "file": str(row.path),
        "states": row.states,
        "starc": row.starc,
        "source": row.source,
        "note": row.note,
    }


def _end(problems: Sequence[Exception], fine: bool) -> None:
    """Tells what is wrong, each in its way, and ends with the exit code of all."""
    from starc.diagnostics import Diagnostic, StarError

    mistakes: list[Diagnostic] = []
    for problem in problems:
        if isinstance(problem, StarError):
            mistakes += problem.diagnostics
        else:
            streams.tell(f"starc: {reason(problem)}")
    if mistakes:
        streams.report(dict.fromkeys(mistakes))
    if any(isinstance(problem, OSError) for problem in problems):
        sys.exit(WRONG_CALL)
    if problems or not fine:
        sys.exit(WRONG_INPUT)
