"""Paths of modules, blocks.3.heads.a, as names and as expressions."""


def short(path: str, joint: str = "_") -> str:
    """blocks.3.heads.a -> heads_a: a path from its block on, as one name."""
    parts = path.split(".")
    start = max((i + 1 for i, part in enumerate(parts) if part.isdecimal()), default=0)
    return joint.join(parts[start:])


def item(path: str) -> str:
    """What of the model itself a path is in: a block, blocks.3, or a LIV."""
    first, *rest = path.split(".")
    return f"{first}.{rest[0]}" if rest and rest[0].isdecimal() else first


def within(holder: str, path: str) -> str:
    """model, blocks.3.a -> model.blocks[3].a"""
    return holder + "".join(
        f"[{name}]" if name.isdecimal() else f".{name}" for name in path.split(".")
    )
