"""`python -m starc`: the command line without its script."""

from starc.cli import main

main()
