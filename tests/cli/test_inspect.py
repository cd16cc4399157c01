"""show, diff, explain."""

import json

import pytest

from .conftest import ROOT, Run

EXAMPLES = ROOT / "examples"


def test_show_for_people(starc: Run) -> None:
    done = starc("show", EXAMPLES / "lfm2_350m.star")
    assert (done.returncode, done.stderr) == (0, "")
    assert "354,483,968" in done.stdout and "\x1b" not in done.stdout


def test_show_for_programs(starc: Run) -> None:
    done = starc("show", EXAMPLES / "transformer_pp_1b.star", "--json")
    shown = json.loads(done.stdout)
    assert {
        "params",
        "params_without_embeddings",
        "cache_bytes",
        "flops_per_token",
        "layers",
    } <= shown.keys()
    assert shown["cache_bytes"] == 805_306_368
    assert len(shown["layers"]) == 48
    halved = starc(
        "show", EXAMPLES / "transformer_pp_1b.star", "--json", "--context", 2048
    )
    assert json.loads(halved.stdout)["cache_bytes"] == 805_306_368 // 2
    wider = starc(
        "show", EXAMPLES / "transformer_pp_1b.star", "--json", "--dtype", "fp32"
    )
    assert json.loads(wider.stdout)["cache_bytes"] == 805_306_368 * 2


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("lfm2_350m", 354_483_968),
        ("lfm2_700m", 742_489_344),
        ("lfm2_1b", 1_170_340_608),
    ],
)
def test_published_parameter_counts(starc: Run, name: str, params: int) -> None:
    shown = json.loads(starc("show", EXAMPLES / f"{name}.star", "--json").stdout)
    assert shown["params"] == params


def test_diff_in_words(starc: Run) -> None:
    same = starc("diff", EXAMPLES / "lfm2_350m.star", EXAMPLES / "lfm2_350m.star")
    assert same.returncode == 0
    other = starc("diff", EXAMPLES / "lfm2_350m.star", EXAMPLES / "lfm2_700m.star")
    assert other.returncode == 0
    assert "1024" in other.stdout and "1536" in other.stdout
    assert "\n\nparameters: 354,483,968 -> 742,489,344\n" in other.stdout
    assert len(same.stdout.splitlines()) <= 1


def test_explain(starc: Run) -> None:
    listed = starc("explain").stdout.splitlines()
    assert any(line.startswith("unknown-liv ") for line in listed)
    for spelling in ("unknown-liv", "error[unknown-liv]"):
        done = starc("explain", spelling)
        assert done.returncode == 0
        assert done.stdout.startswith("unknown-liv: ")
        assert "Wrong:" in done.stdout and "Right:" in done.stdout
    wrong = starc("explain", "unknown-lvi")
    assert wrong.stderr == (
        "starc: no error has the code unknown-lvi: did you mean unknown-liv?\n"
    )
