"""The TextMate grammar, for VS Code and Shiki; `make golden` writes it to a file."""

import json

from starc.highlight.rules import rules


def grammar() -> str:
    """As JSON: a flat list of patterns, the first that fits at a place."""
    found = {
        "$schema": "https://raw.githubusercontent.com/martinring/tmlanguage/master/"
        "tmlanguage.json",
        "name": "STAR architecture",
        "scopeName": "source.star",
        "fileTypes": ["star"],
        "patterns": [
            {"name": f"{rule.scope}.star", "match": rule.regex} for rule in rules()
        ],
    }
    return json.dumps(found, indent=2) + "\n"
