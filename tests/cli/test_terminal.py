"""What every command prints for a person: no wider than 80 columns, colours on request.

Each command is called rightly (calls.py), in one process that has no terminal; its
options that print more are tried too.
"""

from pathlib import Path

import pytest

from .calls import COMMANDS, arguments, served

FILES = {"compile", "decode", "import", "draw", "lsp", "pick", "scale"}
"""Commands whose stdout is a file, or a protocol."""

SENTENCES = {"diff good.star other.star", "diff good.star deep.star"}
SENTENCES |= {"explain unknown-liv", "evolve search.star"}
"""What prints no table."""

BESIDES = (
    "show good.star --tree",
    "show deep.star",
    "show deep.star --tree",
    "explain GQA",
    "explain",
    "explain MoE",
    "diff good.star deep.star",
    "motifs deep.star good.star",
)
DEEP = """\
model a_model_with_a_name_of_a_usual_length {
  width = 4096
  vocab = 151936
  context = 1000000
}

backbone {
  12 x {
    local_attention: GQA(heads = 32, kv_heads = 8, window = 4096, rope_theta = 10000)
    SwiGLU(hidden = 14336)
    GQA(heads = 32, kv_heads = 8, window = 4096, rope_theta = 10000) \
k, v from local_attention
    experts_of_the_layer: MoE(experts = 64, top = 8, hidden = 1408)
  }
}
"""


@pytest.fixture(scope="module")
def printed(home: Path) -> dict[str, str]:
    """Call -> what it printed on both streams, NO_COLOR being set."""
    (home / "deep.star").write_text(DEEP)
    calls = [arguments(name) for name in COMMANDS if name not in FILES]
    calls += [call.split() for call in BESIDES]
    cases = [{"arguments": call, "folder": str(home)} for call in calls]
    results = [*served(cases, home.parent)]
    return {
        " ".join(call): (found["stdout"] + found["stderr"]).encode("latin-1").decode()
        for call, found in zip(calls, results, strict=True)
    }


def test_no_line_is_wider_than_80_columns(printed: dict[str, str]) -> None:
    wide = {
        call: [line for line in text.splitlines() if len(line) > 80]
        for call, text in printed.items()
        if call not in SENTENCES
    }
    assert SENTENCES <= printed.keys()
    assert not {call: lines for call, lines in wide.items() if lines}


def test_no_colour_is_no_colour(printed: dict[str, str]) -> None:
    """Of what has it on a terminal, tests/cli/test_calls.py and test_progress.py."""
    assert len([text for text in printed.values() if text]) > 15
    assert not [call for call, text in printed.items() if "\x1b" in text]
