"""What the table of mistakes is made of."""

from starc.values import dataclass


@dataclass(frozen=True)
class Case:
    """`label` and `hint` may name {found}, the words at which the parser stopped.

    `when` must be found in the line, where the state alone does not tell cases apart.
    `whatever`: also for other tokens at this place than the one of the example.
    `repair`: how to read on without skipping; "line": as if the statement had ended,
    "join": as if the line had not ended, "block": as if the word were spelled right.
    `last`: the mistake is the word before the one at which the parser stopped.
    """

    wrong: str
    label: str = ""
    hint: str = ""
    when: str = ""
    whatever: bool = False
    repair: str = ""
    last: bool = False


@dataclass(frozen=True)
class Mistake:
    """What one code means; `text` says why, `right` is the first case put right."""

    code: str
    title: str
    text: str
    right: str
    cases: tuple[Case, ...]


def cases(
    label: str,
    *wrong: str,
    hint: str = "",
    when: str = "",
    whatever: bool = False,
    repair: str = "",
    last: bool = False,
) -> tuple[Case, ...]:
    """Several wrong files of which the same is said."""
    return tuple(Case(one, label, hint, when, whatever, repair, last) for one in wrong)


def in_model(text: str) -> str:
    return f"model tiny {{\n  {text}\n}}\n\nbackbone {{ MHA }}\n"


def in_backbone(text: str) -> str:
    return f"model tiny {{ width = 64 }}\n\nbackbone {{\n  {text}\n}}\n"


def in_search(text: str) -> str:
    return in_backbone("MHA") + f"\nsearch {{\n  {text}\n}}\n"


def before(text: str) -> str:
    return f"{text}\n\n{in_backbone('MHA')}"
