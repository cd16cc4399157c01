"""What a person is told about a configuration or a checkpoint."""


class ZooError(ValueError):
    """One message, with a line for each field or tensor that is wrong."""

    def __init__(self, what: str, lines: tuple[str, ...] = ()) -> None:
        super().__init__("\n".join([what, *(f"  {line}" for line in lines)]))
        self.what = what
        self.lines = lines
