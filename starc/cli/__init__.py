"""The command line: files, printing and exit codes; no logic of its own."""

import gc
import sys


def main() -> None:
    """Entry point of the `starc` command."""
    gc.set_threshold(100_000, 50, 50)  # a compilation leaves little: 10 % less time
    try:
        from starc.cli.app import app

        app()
    except KeyboardInterrupt:
        sys.exit(130)
