"""Serves the playground on this machine alone, and opens it: `make playground-serve`.

python -m tools.playground.serve [PORT]
"""

import sys
import webbrowser
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tools.playground.build import FOLDER, PAGE

PORT = 8001


class Handler(SimpleHTTPRequestHandler):
    """Files with the types that browsers ask for, whatever the machine's tables say."""

    extensions_map = {
        "": "application/octet-stream",
        ".css": "text/css",
        ".html": "text/html; charset=utf-8",
        ".js": "text/javascript",
        ".json": "application/json",
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
    }

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing of each file."""


def server(folder: Path, port: int = 0) -> ThreadingHTTPServer:
    """Of a folder, at a free port unless one is given; the caller runs it."""
    handler = partial(Handler, directory=str(folder))
    return ThreadingHTTPServer(("127.0.0.1", port), handler)


def main() -> None:
    port = int(sys.argv[1]) if len(sys.argv) > 1 else PORT
    page = FOLDER / PAGE
    if not (page / "index.html").exists():
        sys.exit("playground: nothing is built yet: make playground")
    try:
        serving = server(page, port)
    except OSError as error:
        sys.exit(f"playground: port {port}: {error.strerror}; another: {port + 1}")
    where = f"http://127.0.0.1:{serving.server_port}/"
    print(f"{where} shows {page}; Ctrl-C ends it")
    webbrowser.open(where)
    try:
        serving.serve_forever()
    except KeyboardInterrupt:
        print()


if __name__ == "__main__":
    main()
