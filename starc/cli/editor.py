"""lsp: the language server."""

import sys
from typing import Annotated

from starc.cli import streams
from starc.cli.failure import WRONG_INPUT, needs
from starc.cli.options import option


def lsp(
    stdio: Annotated[
        bool, option("--stdio", help="The one way there is; some editors say it.")
    ] = True,
) -> None:
    """Serve an editor: the Language Server Protocol over stdin and stdout."""
    needs("pygls", "lsp")
    from starc.lsp import server

    if not server.run(*streams.pipes()):
        sys.exit(WRONG_INPUT)
