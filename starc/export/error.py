"""What a person is told when an export cannot be written."""


class ExportError(ValueError):
    """One message: where, why, and the nearest way out."""
