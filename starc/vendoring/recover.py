"""`starc recover`: the `.star` source of a vendored file, however it was edited."""

from pathlib import Path

from starc.vendoring import lock as locks
from starc.vendoring.carried import header_of, source_in
from starc.vendoring.error import VendoringError
from starc.vendoring.text import digest, read_bytes


def recover(path: Path) -> str:
    """The source: the one that the file carries, else the one in the lock beside it.

    Raises VendoringError where there is none, OSError.
    """
    data = read_bytes(path.parent, path.name)
    text = data.decode("utf-8", "replace").replace("\r\n", "\n")
    source, header = source_in(text), header_of(text)
    recorded = header.digest if header else ""
    if source is not None and recorded in ("", digest(source)):
        return source
    record = locks.read(path.parent).get(path.name)
    if record is not None:
        return record.text
    if header is None:
        raise VendoringError(f"{path}: starc did not write this")
    if source is None:
        what = "was lost" if recorded else "is none: only `starc vendor` writes it in"
        raise VendoringError(f"{path}: the source that the file carries {what}")
    raise VendoringError(
        f"{path}: the source that the file carries is not the one of its header"
    )
