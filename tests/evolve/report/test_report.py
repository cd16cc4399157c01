"""The page about a run: complete, self-contained, safe, and quick in a browser."""

import re
import shutil
import sqlite3
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from starc.cli.app import app
from starc.evolve.report.page import report
from starc.evolve.report.read import ReportError, read
from starc.evolve.storage.database import FILE
from starc.evolve.storage.schema import SCHEMA
from tests.evolve.report.fake_run import NASTY, write
from tests.work import PATIENCE

SECTIONS = (
    "overview front suggested members hypervolume distributions parallel-coordinates "
    "lineage genes sharing motifs proxies failures cost candidates search"
).split()


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("runs") / "whole")


@pytest.fixture(scope="session")
def page(run: Path) -> str:
    return report(run)


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def without_plotly(page: str) -> str:
    scripts = re.findall(r"<script>.*?</script>", page, re.DOTALL)
    return page.replace(max(scripts, key=len), "")


def test_every_section_is_there(run: Path, page: str) -> None:
    tags = Tags(without_plotly(page)).found
    assert [a["id"] for tag, a in tags if tag == "section"] == SECTIONS
    links = {a.get("href") for tag, a in tags if tag == "a"}
    assert {f"#{name}" for name in SECTIONS} <= links
    front = read(run).front
    shown = {
        int(a["data-id"] or 0) for t, a in tags if t == "button" and "data-id" in a
    }
    assert {entry.id for entry in front} <= shown
    assert sum(t == "svg" and a.get("role") == "img" for t, a in tags) >= len(front)


def test_nothing_is_loaded_from_anywhere(page: str) -> None:
    assert page.count("plotly.js v") == 1
    assert "default-src 'none'" in page
    for tag, attributes in Tags(without_plotly(page)).found:
        assert tag not in ("link", "img", "iframe", "base")
        assert "src" not in attributes
        assert not (attributes.get("href") or "#").startswith("http")


def test_text_of_the_database_never_becomes_html(page: str) -> None:
    text = without_plotly(page)
    assert NASTY not in text
    assert "&lt;script&gt;alert(&#39;seed&#39;)&lt;/script&gt;" in text
    assert "<b>4 GB</b>" not in text
    assert "&lt;b&gt;4 GB&lt;/b&gt; &amp; more" in text


def test_the_same_database_gives_the_same_page(run: Path, page: str) -> None:
    assert report(run) == page


def chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser")


FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync "
    "--window-size=1280,900 --enable-logging=stderr "
    "--host-resolver-rules=MAP+*+~NOTFOUND"
).split()


def test_a_run_that_has_just_begun(tmp_path: Path) -> None:
    whole = write(tmp_path / "run", population=4, generations=1)
    with sqlite3.connect(whole / FILE) as connection:
        connection.execute("DELETE FROM generations")
        connection.execute("UPDATE candidates SET source = '' WHERE id = 2")
        connection.execute("DELETE FROM outcomes WHERE candidate > 2")
        connection.execute("DELETE FROM rungs WHERE candidate > 2")
    connection.close()
    assert "no generation is finished yet" in report(whole).lower()
    with sqlite3.connect(whole / FILE) as connection:
        for table in ("outcomes", "rungs", "timings", "proposals", "candidates"):
            connection.execute(f"DELETE FROM {table}")
    connection.close()
    assert "0 candidates" in report(whole)


def test_while_another_process_writes(tmp_path: Path) -> None:
    """What is committed is read; the lock of the writer is no hindrance."""
    folder = write(tmp_path / "run", population=4, generations=2)
    writer = sqlite3.connect(folder / FILE, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("UPDATE generations SET hypervolume = -1")
    writer.execute("DELETE FROM timings")
    seen = read(folder)
    assert seen.timings and all(g.hypervolume >= 0 for g in seen.generations)
    writer.execute("COMMIT")
    assert not read(folder).timings
    writer.close()


def test_a_run_is_only_read(run: Path) -> None:
    before = (run / FILE).read_bytes()
    report(run)
    assert (run / FILE).read_bytes() == before


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda path: path.unlink(), "holds no run"),
        (lambda path: path.write_bytes(b"no database at all" * 99), "not a database"),
        (lambda path: path.write_bytes(b""), "holds no run yet"),
    ],
)
def test_what_cannot_be_read_is_said(damage, says: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    folder = write(tmp_path / "run", population=4, generations=1)
    damage(folder / FILE)
    with pytest.raises(ReportError, match=says):
        read(folder)
    found = CliRunner().invoke(app, ["report", str(folder), "-o", str(folder / "x")])
    assert found.exit_code == 1 and says in found.stderr
    assert not (folder / "x").exists()


def test_a_database_of_another_version(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    connection = sqlite3.connect(folder / FILE)
    connection.executescript(SCHEMA)
    connection.execute("INSERT INTO meta VALUES ('schema', '999')")
    connection.commit()
    connection.close()
    with pytest.raises(ReportError, match="version 999"):
        read(folder)


SEARCH = """
model tiny { width = 128; vocab = 256; context = 256 }
search {
  pool = [SA-1, SA-3, Rec-1-Diff, GConv-1, GMemless]
  depth = [4, 6]
  seeds = [transformer_pp]
  open = [GConv-1(kernel = [2, 3, 4])]
  placement = [pre, sandwich]
  population = 6
  generations = 3
  minimize bits_per_byte, cache
  trainer = simulated
}
"""


def test_a_run_of_the_search_itself(tmp_path: Path) -> None:
    (tmp_path / "search.star").write_text(SEARCH)
    call = CliRunner().invoke
    folder = str(tmp_path / "run")
    found = call(app, ["evolve", str(tmp_path / "search.star"), "-o", folder])
    assert found.exit_code == 0, found.output
    found = call(app, ["report", folder, "-o", str(tmp_path / "report.html")])
    assert found.exit_code == 0, found.output
    page = (tmp_path / "report.html").read_text()
    assert "transformer_pp" in page and "model: placement" in page
    found = call(app, ["motifs", folder])
    assert found.exit_code == 0 and "initial population" in found.output


EXERCISE = """
<script>
document.documentElement.dataset.opened =
  document.querySelectorAll(".main-svg, path.point").length;
for (const make of [...pending.values()]) make();
select(200);
$("front-generation").value = 3;
$("front-generation").dispatchEvent(new Event("input"));
$("front-x").value = 2;
$("front-x").dispatchEvent(new Event("change"));
document.documentElement.dataset.exercised = [
  $("chosen").querySelector("b").textContent, $("front-number").textContent,
  $("steps").querySelector("b").textContent, $("parallel-count").textContent,
].join(", ");
document.documentElement.dataset.rows = $("rows").rows.length;
for (const c of [...BY_ID.values()]) for (let copy = 1; copy < 9; copy++) {
  const twin = { ...c, id: 1000 * copy + c.id };
  DATA.candidates.push(twin);
  BY_ID.set(twin.id, twin);
}
$("front-generation").value = $("front-generation").max;
$("front-generation").dispatchEvent(new Event("input"));
document.documentElement.dataset.drawn = $("chart-front").data[0].x.length;
</script>
"""


@pytest.mark.skipif(chromium() is None, reason="no chromium: apt-get install chromium")
def test_every_chart_draws_and_answers(page: str, tmp_path: Path) -> None:
    """In a browser, of 288 candidates: the first chart is drawn as the page opens; then
    all at once, a candidate selected, the slider moved, an axis changed. No error. Of
    nine times as many, those that lie on one another are drawn once."""
    (tmp_path / "report.html").write_text(page + EXERCISE)
    seen = subprocess.run(
        [
            chromium() or "",
            *(flag.replace("+", " ") for flag in FLAGS),
            f"--user-data-dir={tmp_path / 'profile'}",
            "--dump-dom",
            (tmp_path / "report.html").as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert "Uncaught" not in seen.stderr and "Refused to" not in seen.stderr
    dom = seen.stdout
    assert re.search(r'data-ready="\d+"', dom), "the scripts did not run to their end"
    opened = re.search(r'data-opened="(\d+)"', dom)
    assert opened and int(opened[1]) > 200
    assert 'data-exercised="#200, 3, #200, ' in dom
    assert dom.count("plot-container") >= 12
    assert 'data-rows="288"' in dom
    drawn = re.search(r'data-drawn="(\d+)"', dom)
    assert drawn and 50 < int(drawn[1]) < 288
    assert "<script>alert" not in dom.partition('id="data"')[0]
