"""What the page asks the compiler, and what of it lies beside the page."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from starc import compiler, genome, passes
from starc.ir.compare import describe_changes
from tests.sampled import sampled
from tools.playground import bridge, pack

EXAMPLES = pack.examples()
TINY = EXAMPLES["tiny_hybrid.star"]

LONG = (
    "model m { width = 64; vocab = 256 }\n"
    f"backbone {{ a_long_name_{'of_a_thing_' * 5}end: MHA(heads = 2) }}\n"
)
"""A program whose emitted lines have to be broken."""


def ask(what: str, **given: Any) -> dict[str, Any]:
    found = json.loads(bridge.answer(json.dumps({"ask": what, **given})))
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("name", sampled([*EXAMPLES], ["kv_sharing.star"]))
def test_an_example_has_all_four_panes(name: str) -> None:
    given = {"text": EXAMPLES[name], "name": name}
    assert ask("compile", **given) == {
        "mistakes": [],
        "python": compiler.compile(EXAMPLES[name], name),
    }
    assert ask("draw", **given)["svg"].startswith("<svg")
    found = ask("costs", **given, context=None, dtype="bf16")
    rest = found["total"]["params"] - sum(row["params"] for row in found["rows"])
    assert 0 < rest < found["total"]["params"]  # embedding, norm, head
    more = ask("costs", **given, context=2 * found["context"], dtype="bf16")
    assert more["total"]["cache"] >= found["total"]["cache"] > 0


def test_places_are_those_of_javascript() -> None:
    """Code units of UTF-16, behind a byte order mark too."""
    text = "\ufeff# \U0001f300\nmodel m { width = 64 }\nbackbone { Nothing }\n"
    (one,) = ask("compile", text=text, name="a.star")["mistakes"]
    units = text.encode("utf-16-le")
    assert units[2 * one["from"] : 2 * one["to"]].decode("utf-16-le") == "Nothing"
    assert (one["line"], one["code"]) == (3, "unknown-liv")
    at = units.decode("utf-16-le").index("width") + 1  # one character is two units
    found = ask("explain", text=text, name="a.star", at=at)
    assert units[2 * found["from"] : 2 * found["to"]].decode("utf-16-le") == "width"


def test_completion_says_what_it_replaces() -> None:
    at = TINY.index("SwiGLU") + 3
    items = ask("complete", text=TINY, name="a.star", at=at)["items"]
    assert "SwiGLU" in [one["label"] for one in items]
    assert {one["from"] for one in items} == {TINY.index("SwiGLU")}


def test_a_genome_goes_both_ways() -> None:
    integers = "21211-31112-21211-31112"
    text = ask("decode", integers=integers, text=TINY, name="a.star")["text"]
    model = passes.run(compiler.to_ir(text))
    assert (model.width, model.vocab, model.context) == (256, 256, 256)  # as TINY
    assert ask("draw", text=text, name="a.star")["genome"] == integers
    assert "wrong" in ask("decode", integers="<b>", text=TINY, name="a.star")
    assert "kv_heads" in ask("draw", text=TINY, name="a.star")["none"]


MUTABLE = ("tiny_hybrid.star", "star_genome.star", "lfm2_350m.star")


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", MUTABLE)
def test_a_mutation_is_legal_and_is_said(name: str, seed: int) -> None:
    text = EXAMPLES[name]
    found = ask("mutate", text=text, name=name, seed=seed)
    before, after = (passes.run(compiler.to_ir(t)) for t in (text, found["text"]))
    assert found["diff"] == describe_changes(before, after) != []
    assert len(found["changes"]) == 1
    assert found == ask("mutate", text=text, name=name, seed=seed)


def test_a_mutation_keeps_the_search_and_names_what_has_arguments() -> None:
    text = (
        "model m { width = 64; vocab = 256 }\n"
        "search { pool = [SA-1]; depth = 2; minimize cache }\n"
        "backbone { MHA(heads = 2); a: MHA(heads = 4); MHA(heads = 2) }\n"
    )
    found = ask("mutate", text=text, name="m.star", seed=1)
    assert "search { pool = [SA-1]; depth = 2; minimize cache }" in found["text"]
    assert "liv mha_2 = MHA(heads = 4)" in found["text"]


def test_what_has_no_mutation_says_why() -> None:
    text = "model m { width = 64 }\nbackbone { parallel { MHA; SwiGLU } }\n"
    found = ask("mutate", text=text, name="m.star", seed=1)
    assert found == {"wrong": "Not in a genome: LIVs side by side (line 2)"}
    found = ask("mutate", text="model", name="m.star", seed=1)
    assert found == {"wrong": "The program has a mistake, or no backbone."}


def test_formatting() -> None:
    given = "model m { width=64 }\nbackbone { MHA }\n"
    text = ask("format", text=given, name="m.star")["text"]
    assert "width = 64" in text
    assert text == ask("format", text=text, name="m.star")["text"]


def test_a_program_of_16_mib() -> None:
    found = ask("compile", text="# " + "x" * (2**24 - 2), name="m.star")
    assert [one["code"] for one in found["mistakes"]] == ["too-large"]
    assert found["python"] is None


def unpacked(files: dict[str, str], folder: Path) -> None:
    for place, text in files.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


RUN = """
import json, sys
sys.path.insert(0, sys.argv[1])
import bridge
for line in sys.stdin:
    print(bridge.answer(line))
"""


def test_what_is_packed_is_enough(tmp_path: Path) -> None:
    """Without any installed library, and without the checkout."""
    unpacked(pack.code(), tmp_path)
    given = {"text": TINY, "name": "tiny_hybrid.star"}
    wrong = {"text": TINY.replace("backbone", "backbon"), "name": "a.star"}
    asked: list[dict[str, Any]] = [
        {"ask": "compile", **given},
        {"ask": "compile", **wrong},
        {"ask": "draw", **given},
        {"ask": "costs", **given, "context": 9, "dtype": "bf16"},
        {"ask": "complete", **given, "at": TINY.index("SwiGLU")},
        {"ask": "explain", **given, "at": TINY.index("SwiGLU")},
        {"ask": "mutate", **given, "seed": 1},
        {"ask": "format", **given},
        {"ask": "decode", "integers": "11111", **given},
    ]
    lines = [
        json.dumps(one)
        for one in (*asked, {"ask": "compile", "text": LONG, "name": "l"})
    ]
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", RUN, str(tmp_path)],
        input="\n".join(lines),
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert run.returncode == 0, run.stderr
    *found, last = map(json.loads, run.stdout.splitlines())
    assert found == [ask(one.pop("ask"), **one) for one in asked]
    assert last == {"needs": "black"}


@pytest.mark.slow
def test_the_formatter_that_is_packed_is_enough(tmp_path: Path) -> None:
    unpacked(pack.code() | pack.black(), tmp_path)
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", RUN, str(tmp_path)],
        input=json.dumps({"ask": "compile", "text": LONG, "name": "l"}),
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["python"] == compiler.compile(LONG, "l")


def test_genomes_are_read_as_the_command_reads_them() -> None:
    text = EXAMPLES["star_genome.star"]
    written = ask("draw", text=text, name="a.star")["genome"]
    assert genome.read(written) == genome.read("21211-31112-21211-31112")
