"""The commands, and the module of each: imported when it is asked for, not before."""

from collections.abc import Callable
from importlib import import_module
from keyword import iskeyword
from typing import Any

GROUPS = {
    "Write": {
        "new": "new",
        "check": "sources",
        "fmt": "sources",
        "lsp": "editor",
    },
    "Look": {
        "show": "inspect",
        "diff": "inspect",
        "draw": "draw",
        "explain": "inspect",
    },
    "Out": {
        "compile": "sources",
        "vendor": "vendoring",
        "verify": "vendoring",
        "upgrade": "vendoring",
        "recover": "vendoring",
    },
    "Public models": {
        "import": "zoo",
        "convert": "zoo",
        "weights": "zoo",
        "zoo": "zoo",
        "export": "export",
    },
    "Train": {
        "train": "training",
        "compare": "compare",
        "scale": "compare",
    },
    "Search": {
        "evolve": "evolve",
        "front": "evolve",
        "pick": "evolve",
        "report": "report",
        "motifs": "report",
    },
    "Genomes": {
        "decode": "genomes",
        "encode": "genomes",
        "genes": "genomes",
    },
}
"""In the order of `starc --help`: the file of `starc/cli/` with a function named so,
or so and `_` where Python has the word."""

MODULES = {name: module for group in GROUPS.values() for name, module in group.items()}


def command(name: str) -> Callable[..., Any]:
    """The function that a command runs. KeyError: there is none of this name."""
    module = import_module(f"starc.cli.{MODULES[name]}")
    function: Callable[..., Any] = getattr(module, name + "_" * iskeyword(name))
    return function
