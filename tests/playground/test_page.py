"""The page itself, in a headless chromium: `make test-playground`.

docs/playground/test/drive.mjs types and clicks; what it saw is judged here.
"""

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from starc import compiler, genome, passes
from tools.playground import build, pack, serve

pytestmark = pytest.mark.slow

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def page() -> Iterator[str]:
    """The address of a page that was built now."""
    if CHROMIUM is None:
        pytest.skip("no chromium: apt-get install chromium")
    if shutil.which("npm") is None:
        pytest.skip(f"no npm: {build.NO_NPM}")
    serving = serve.server(build.build())
    threading.Thread(target=serving.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{serving.server_port}/"
    serving.shutdown()


@pytest.fixture(scope="module")
def out(page: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("seen")
    command = ["node", "test/drive.mjs", page, CHROMIUM or "", str(folder)]
    run = subprocess.run(command, cwd=build.FOLDER, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-4000:]
    return folder


@pytest.fixture(scope="module")
def seen(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "seen.json").read_text())
    return found


def emitted(path: Path) -> bytes:
    """What `starc compile` says of a file."""
    command = [sys.executable, "-m", "starc", "compile", str(path)]
    return subprocess.run(command, check=True, capture_output=True).stdout


@pytest.mark.parametrize("name", pack.examples())
def test_an_example_is_emitted_as_by_the_command(name: str, out: Path) -> None:
    """Byte for byte."""
    made = emitted(pack.ROOT / "examples" / name)
    assert (out / f"{name}.py").read_bytes() == made != b""


def test_what_needs_the_formatter_is_emitted_so_too(
    out: Path, seen: dict[str, Any]
) -> None:
    assert seen["long_state"] == "compiled"
    assert (out / "long.star.py").read_bytes() == emitted(out / "long.star")
    assert any(asked.endswith("/black.json") for asked in seen["asked"])


def test_it_starts_with_an_example_and_has_all(seen: dict[str, Any]) -> None:
    text = pack.examples()["tiny_hybrid.star"]
    assert seen["first"] == compiler.compile(text, "tiny_hybrid.star")
    assert sorted(seen["names"]) == sorted(pack.examples())
    assert min(seen["pictures"].values()) > 0


def test_a_mistake_is_underlined_explained_and_mended(
    out: Path, seen: dict[str, Any]
) -> None:
    assert (seen["wrong_state"], seen["squiggle"]) == ("wrong", "SwiGLUE")
    for words in (seen["tooltip"], seen["listed"]):
        assert "Unknown LIV: did you mean SwiGLU?" in words
    assert seen["stale"] is True
    assert (seen["mended_state"], seen["squiggles_after"]) == ("compiled", 0)
    assert "liv other = SwiGLU\n" in seen["mended_text"]
    made = compiler.compile(seen["mended_text"], "tiny_hybrid.star")
    assert (out / "mended.py").read_text() == made


def test_help_at_a_place(seen: dict[str, Any]) -> None:
    assert any(one.startswith("ShortConv") for one in seen["completed"])
    assert "softmax attention" in seen["hover"]
    assert seen["liv"].startswith("conv_0: ShortConv")


def test_the_slider_moves_the_cache(seen: dict[str, Any]) -> None:
    before, after, tokens = seen["cache"]
    assert before != after and tokens == "65,536 tokens"


def test_genomes_and_mutations(seen: dict[str, Any]) -> None:
    integers = "21211-31112-21211-31112"
    assert seen["encoded"] == integers
    assert genome.write(genome.encode(_parsed(seen["decoded"]))) == integers
    assert "Malformed genome" in seen["no_genome"]
    before, after = map(compiler.to_ir, seen["mutated"])
    assert seen["mutated_state"] == "compiled"
    assert passes.run(before) != passes.run(after)
    first, *words = seen["mutation"].splitlines()
    assert first.startswith("Mutated: LIV ") and words


def _parsed(text: str) -> Any:
    import starc

    return starc.parse(text, "a.star")


def test_links(seen: dict[str, Any]) -> None:
    assert seen["linked"] == pack.examples()["tiny_hybrid.star"]
    told = {key: said for key, (said, state) in seen["bad_links"].items()}
    assert {state for _, state in seen["bad_links"].values()} == {"compiled"}
    assert "is not base64" in told["#%%%"] and "is not base64" in told["#a"]
    assert "is not UTF-8" in told["#_w"]
    assert "too long" in told["#AAAAAAA"]


def test_bad_text_is_text_and_the_page_lives_on(seen: dict[str, Any]) -> None:
    assert seen["hostile_state"] == "wrong" and seen["hurt"] == [None, 0]
    assert seen["huge_state"] == "wrong" and "File too large" in seen["huge"]
    assert seen["after_huge"] == "compiled"
    assert seen["errors"] == []


def test_it_asks_nobody_else_and_fits(page: str, seen: dict[str, Any]) -> None:
    assert all(asked.startswith(page) for asked in seen["asked"])
    assert (seen["overflow_wide"], seen["overflow_narrow"]) == (0, 0)


def test_links_of_the_site_are_links_of_the_page(page: str) -> None:
    """What tools/site writes behind `try it` is what src/link.ts reads."""
    code = (
        "import { build } from 'esbuild';"
        "const given = {entryPoints: ['src/link.ts'], outfile: 'link.mjs'};"
        "await build({...given, format: 'esm'});"
        "const { decoded, encoded } = await import('./link.mjs');"
        "const text = process.argv[1];"
        "console.log(JSON.stringify([encoded(text), decoded(encoded(text)) === text]))"
    )
    from tools.site.pages import fragment

    text = "# \U0001f300 \u00e9\nmodel m { width = 64 }\n" * 40
    run = subprocess.run(
        ["node", "--input-type=module", "-e", code, text],
        cwd=build.FOLDER,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(run.stdout) == [fragment(text), True]
