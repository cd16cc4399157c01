"""What may be wrong with a vendored file, its lock or its folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from starc.artefacts import ArtefactError


class VendoringError(ValueError):
    """One sentence that names the file and the field, and says what to do."""


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """What a field of this file has wrong is an error that names the file too."""
    try:
        yield
    except ArtefactError as error:
        raise VendoringError(f"{path}: {error}") from None
