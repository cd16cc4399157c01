"""A new folder, whole or not at all: written beside its place, then renamed."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from starc.export.error import ExportError


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A temporary folder that becomes `path` when the block succeeds.

    It is gone on any exception, Ctrl-C included. Raises ExportError where something
    has the name; OSError, which names `path`.
    """
    if path.exists() or path.is_symlink():
        raise ExportError(f"{path}: is there already; choose another name or remove it")
    temporary = path.with_name(f".{path.name[:40]}.{os.urandom(6).hex()}")
    try:
        temporary.mkdir(mode=0o700)
        yield temporary
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o777 & ~mask)
        os.rename(temporary, path)
    except BaseException as error:
        shutil.rmtree(temporary, ignore_errors=True)
        if not isinstance(error, OSError) or error.errno is None:
            raise
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise ExportError(f"{path}: somebody has just made this") from error
        name = Path(str(error.filename or ""))
        if temporary in (name, *name.parents):
            name = path / name.relative_to(temporary)
        raise OSError(error.errno, error.strerror, str(name)) from error
