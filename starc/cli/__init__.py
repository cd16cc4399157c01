"""The command line: files, printing and exit codes; no logic of its own."""

import sys


def main() -> None:
    """Entry point of the `starc` command."""
    try:
        from starc.cli.app import app

        app()
    except KeyboardInterrupt:
        sys.exit(130)
