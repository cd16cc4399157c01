"""Emitted files in the repositories of others: edited there, and still upgraded.

`starc.lock` and `.starc/` beside a vendored file say what it was made from, so that an
upgrade is a three-way merge. Nothing here prints; whatever is read is checked here.
"""
