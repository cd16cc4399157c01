"""train: the options of the small trainer."""

from starc.cli.options import File


def train(file: File) -> None:
    """Train a compiled MODEL.py, or a .star file, on bytes."""
