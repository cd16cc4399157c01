"""`python starc_of.py VERSION ARGUMENTS...`: starc as it was, or as it is, by version.

0.1.0 writes the file that the commit before blocks wrote of the one source in
docs/vendoring.md, kept in `written_by_0_1_0/`; any other is today's under that number.
"""

import sys
from pathlib import Path
from typing import Any

import starc
from starc import compiler

OLD = Path(__file__).parent / "written_by_0_1_0"
SOURCE = (OLD / "hybrid.star").read_text()


def become(version: str) -> None:
    real, written = starc.__version__, compiler.compile
    starc.__version__ = version

    def compile(text: Any, *args: Any, **kwargs: Any) -> str:
        if version == "0.1.0" and text.text == SOURCE:
            return (OLD / "hybrid.py.txt").read_text()
        emitted = written(text, *args, **kwargs)
        return emitted.replace(f"by starc {real} from", f"by starc {version} from", 1)

    compiler.compile = compile


if __name__ == "__main__":
    become(sys.argv[1])
    sys.argv = ["starc", *sys.argv[2:]]
    from starc.cli import main

    main()
