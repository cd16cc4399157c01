"""One page that says all about a run, and needs nothing else to open."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from starc import __version__
from starc.draw import architecture, palette
from starc.evolve.problem.architecture import genome_text
from starc.evolve.report import expense, failures, frequencies, html
from starc.evolve.report.baselines import baselines
from starc.evolve.report.contributions import contributions
from starc.evolve.report.data import MANY, chart_data
from starc.evolve.report.designs import Design, design
from starc.evolve.report.enrichment import Row as MotifRow
from starc.evolve.report.enrichment import table
from starc.evolve.report.measures import Axis, axes, quality, written
from starc.evolve.report.picks import Pick, picks
from starc.evolve.report.predictions import predictions
from starc.evolve.report.proxies import proxies
from starc.evolve.report.read import Run, read
from starc.evolve.report.rungs import agreements
from starc.evolve.storage.rows import Row

SCRIPTS = ("page.js", "front.js", "charts.js", "parallel.js", "lineage.js")

MOST_MOTIFS = 40
"""Rows of the table on the page; `starc motifs` gives all."""


NARROW = 13
"""LIVs up to which two pictures stand side by side."""


@dataclass(frozen=True)
class Card:
    """A member of the front with its picture."""

    entry: Row
    picture: Markup
    genome: str
    values: tuple[tuple[str, str], ...]
    picks: tuple[Pick, ...]


def report(folder: Path) -> str:
    """The page about the run in `folder`, as it is now. Raises ReportError."""
    return page(read(folder))


def page(run: Run) -> str:
    """The HTML, complete with plotly.js."""
    designs = {e.id: d for e in run.entries if (d := design(e.source)) is not None}
    measured = axes(run)
    objectives = [axis for axis in measured if axis.objective]
    best = quality(measured)
    picked = picks(run.front, objectives)
    ranked = proxies(run, measured, best)
    motifs = motif_rows(run, designs, objectives)
    cards = [
        _card(run, e, designs, objectives, picked) for e in _sorted(run, objectives)
    ]
    chosen = dict.fromkeys(pick.id for pick in picked)
    charts = chart_data(run, designs, measured, best, picked, ranked)
    text: str = html.template("page").render(
        run=run,
        version=__version__,
        axes=measured,
        many=MANY,
        objectives=objectives,
        quality=best,
        cards=cards,
        suggested=[next(c for c in cards if c.entry.id == id) for id in chosen],
        baselines=baselines(run, objectives),
        seconds=expense.seconds(run),
        engine=expense.engine(run),
        flops=expense.training_flops(run),
        reasons=failures.by_reason(run),
        origins=failures.by_origin(run),
        contributions=contributions(run),
        predictions=predictions(run),
        repairs=failures.repairs(run),
        tried=failures.tried(run),
        pairs=(
            frequencies.pairs(designs, run.generations[-1].population)
            if run.generations
            else []
        ),
        pairs_all=frequencies.pairs(designs, tuple(designs)),
        motifs=motifs[:MOST_MOTIFS],
        all_motifs=len(motifs),
        proxies=ranked,
        agreements=agreements(run),
        kinds=_kinds(designs),
        narrow=max((len(d.columns) for d in designs.values()), default=0) <= NARROW,
        data=html.data(charts),
        styles=html.styles(),
        scripts=html.scripts(SCRIPTS),
        plotly=html.plotly(),
        invalid=sum(not entry.valid_before_repair for entry in run.entries),
        settings=_settings(run),
        scales=_scales(objectives),
    )
    return text


def motif_rows(
    run: Run, designs: dict[int, Design], objectives: Sequence[Axis]
) -> list[MotifRow]:
    """Motifs of all candidates: the last population and front against the first."""
    last = run.generations[-1] if run.generations else None
    selected = sorted({*last.population, *last.front} & {*designs}) if last else []
    first = min((entry.generation for entry in run.entries), default=0)
    initial = [e.id for e in run.entries if e.generation == first and e.id in designs]
    values = {e.id: e.outcome.measures for e in run.evaluated if e.outcome}
    labels = [axis.label for axis in objectives]
    return table(designs, initial, selected, values, labels)  # type: ignore[arg-type]


def _sorted(run: Run, objectives: Sequence[Axis]) -> list[Row]:
    """The front from the best in the first objective on."""

    def first(entry: Row) -> float:
        value = entry.measure(objectives[0].label) if objectives else None
        return float("inf") if value is None else objectives[0].cost(value)

    return sorted(run.front, key=lambda entry: (first(entry), entry.id))


def _card(
    run: Run,
    entry: Row,
    designs: dict[int, Design],
    objectives: Sequence[Axis],
    picked: Sequence[Pick],
) -> Card:
    own = designs.get(entry.id)
    picture = architecture(own.model, legend=False, rolled=False) if own else ""
    values = tuple(
        (axis.label, written(entry.measure(axis.label), axis.unit))
        for axis in objectives
    )
    found = tuple(pick for pick in picked if pick.id == entry.id)
    genome = genome_text(entry.candidate, run.spec)
    return Card(entry, Markup(picture), genome, values, found)


def _kinds(designs: dict[int, Design]) -> list[tuple[str, str]]:
    """Colours and words of the kinds of LIVs that occur."""
    found = {b.kind for d in designs.values() for c in d.columns for b in c.boxes}
    return [(palette.KINDS[k], palette.WORDS[k]) for k in palette.KINDS if k in found]


def _scales(objectives: Sequence[Axis]) -> str:
    """`bits_per_byte linear, cache logarithmic`."""
    words = {"linear": "linear", "log": "logarithmic"}
    return ", ".join(f"{axis.label} {words[axis.scale.kind]}" for axis in objectives)


def _settings(run: Run) -> list[tuple[str, str]]:
    """The search as it was asked for, a line a setting."""
    spec = run.spec
    trainer = spec.trainer
    relations = [f"{r.label} {r.relation} {r.bound:,.6g}" for r in spec.requirements]
    depth = "–".join(str(d) for d in dict.fromkeys(spec.depth))
    found = [
        ("model", ", ".join(f"{name} = {value}" for name, value in spec.model)),
        ("pool", ", ".join(spec.pool) or "every published class"),
        ("depth", f"{depth} LIVs"),
        ("algorithm", f"{spec.algorithm}{' with a surrogate' * spec.foresees}, "
         f"{spec.variation} variation, {spec.crossover}-point crossover, "
         f"{spec.mutation:.3g} mutation, "
         f"tournaments of {spec.tournament}, elitism {spec.elitism}, "
         f"{'with' if spec.repair else 'without'} repair"),
        ("population", f"{spec.population}, {spec.generations} generations"),
        ("seeds", ", ".join(name for name, _ in spec.seeds) or "none"),
        ("requirements", ", ".join(relations) or "none"),
        ("training", f"{trainer.kind}: {trainer.steps:,} steps of {trainer.batch} x "
         f"{trainer.context} tokens, rungs at "
         f"{', '.join(f'{share:.0%}' for share in trainer.rungs)} of them"),
        ("data", spec.data or "the sources of Python's standard library"),
        ("random seed", str(spec.seed)),
    ]  # fmt: skip
    return found
