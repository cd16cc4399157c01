"""The commands, and the module of each: imported when it is asked for, not before."""

from collections.abc import Callable
from importlib import import_module
from keyword import iskeyword
from typing import Any

MODULES = {
    "compile": "sources",
    "check": "sources",
    "fmt": "sources",
    "show": "inspect",
    "diff": "inspect",
    "decode": "genomes",
    "encode": "genomes",
    "genes": "genomes",
    "explain": "inspect",
    "train": "training",
    "evolve": "evolve",
    "front": "evolve",
    "pick": "evolve",
    "scale": "compare",
    "compare": "compare",
    "draw": "draw",
    "report": "report",
    "motifs": "report",
    "import": "zoo",
    "convert": "zoo",
    "weights": "zoo",
    "zoo": "zoo",
    "export": "export",
    "vendor": "vendoring",
    "verify": "vendoring",
    "upgrade": "vendoring",
    "recover": "vendoring",
    "lsp": "editor",
}
"""In the order of `starc --help`: the file of `starc/cli/` with a function named so,
or so and `_` where Python has the word."""


def command(name: str) -> Callable[..., Any]:
    """The function that a command runs. KeyError: there is none of this name."""
    module = import_module(f"starc.cli.{MODULES[name]}")
    function: Callable[..., Any] = getattr(module, name + "_" * iskeyword(name))
    return function
