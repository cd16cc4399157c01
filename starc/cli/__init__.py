"""The command line: files, printing and exit codes; no logic of its own."""

import gc
import sys


def with_values(arguments: list[str]) -> list[str]:
    """`--ray` may stand alone, which typer cannot say: then it means `--ray local`."""
    found = []
    for argument, following in zip(arguments, [*arguments[1:], "-"], strict=False):
        found.append(argument)
        if argument == "--ray" and following.startswith("-"):
            found.append("local")
    return found


def main() -> None:
    """Entry point of the `starc` command."""
    gc.set_threshold(100_000, 50, 50)  # a compilation leaves little: 10 % less time
    try:
        from starc.cli import descriptors

        descriptors.prepare()
        from starc.cli.guard import guarded
        from starc.cli.plain import plain

        sys.argv = sys.argv or ["starc"]  # an embedding program may have left it empty
        arguments = with_values(sys.argv[1:] or ["--help"])
        if call := plain(arguments):
            guarded(call)()
            return
        from starc.cli.app import app

        guarded(app)(arguments, prog_name="starc")
    except KeyboardInterrupt:
        sys.exit(130)
