"""decode, encode, genes."""

import json
from pathlib import Path

from .conftest import ROOT, Run

GENOME = "21211-31112-21221-32112"


def test_there_and_back(starc: Run, tmp_path: Path) -> None:
    source = starc("decode", GENOME).stdout
    canonical = starc("encode", "-", stdin=source)
    assert (canonical.returncode, canonical.stderr) == (0, "")
    exact = starc("decode", GENOME, "--exact").stdout
    (tmp_path / "a.star").write_text(exact)
    assert starc("encode", "a.star").stdout == GENOME + "\n"
    assert starc("encode", "a.star", "--exact").stdout == GENOME + "\n"
    assert starc("encode", "a.star", "--canonical").stdout == canonical.stdout
    lists = json.loads(starc("encode", "a.star", "--json").stdout)
    assert lists == [[int(gene) for gene in liv] for liv in GENOME.split("-")]
    assert starc("decode", json.dumps(lists), "--exact").stdout == exact.replace(
        "# Genome", "# Genome"
    )
    assert starc("decode", "-", "--exact", stdin=GENOME + "\n").stdout == exact


def test_decode_says_what_no_gene_says(starc: Run, tmp_path: Path) -> None:
    options = ("--width", 128, "--vocab", 256, "--context", 64, "--name", "small")
    done = starc("decode", GENOME, *options, "-o", "a.star")
    assert (done.returncode, done.stdout) == (0, "")
    text = (tmp_path / "a.star").read_text()
    assert "model small {" in text and "width   = 128" in text
    assert starc("fmt", "--check", "a.star").returncode == 0
    assert starc("check", "a.star").returncode == 0


def test_a_wrong_genome(starc: Run) -> None:
    for genome in ("", "2121", "21211-91113-x", "99999", "[[1, 2]", "00000"):
        done = starc("decode", genome)
        assert (done.returncode, done.stdout) == (1, ""), genome
        assert "error[" in done.stderr and "Traceback" not in done.stderr


def test_what_integers_cannot_say(starc: Run) -> None:
    done = starc("encode", ROOT / "examples" / "zamba.star")
    assert (done.returncode, done.stdout) == (1, "")
    assert "zamba.star:16:14" in done.stderr


def test_the_example_is_what_decode_writes(starc: Run) -> None:
    example = (ROOT / "examples" / "star_genome.star").read_text()
    written = starc("decode", GENOME, "--name", "star_genome").stdout
    assert example.partition("\nmodel")[2] == written.partition("\nmodel")[2]


def test_genes(starc: Run) -> None:
    text = starc("genes")
    assert text.returncode == 0 and "SA-2" in text.stdout
    assert max(map(len, text.stdout.splitlines())) <= 80
    assert json.loads(starc("genes", "--json").stdout)
