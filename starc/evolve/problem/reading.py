"""The search block of a file -> Spec."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

from starc.alphabet import Alphabet, extend, prelude
from starc.alphabet.option import Quantity
from starc.diagnostics import Diagnostic, Problems, StarError
from starc.evolve.problem import objectives, seeds
from starc.evolve.problem.architecture import misfit, surroundings, with_codes
from starc.evolve.problem.candidate import Candidate, Value
from starc.evolve.problem.spec import (
    Arguments,
    Objective,
    Opened,
    Requirement,
    Spec,
    Trainer,
)
from starc.frontend import ast
from starc.frontend.numbers import SECONDS
from starc.frontend.one_line import one_line
from starc.frontend.parse import parse
from starc.frontend.unparse import unparse
from starc.genome import encode
from starc.lower.blocks import Blocks, find_blocks
from starc.lower.model import read_model
from starc.lower.read_search import SearchSettings, read_search
from starc.numerals import counted
from starc.source import Source, Span


def read(text: str | Source, problems: Problems) -> Spec | None:
    """The search that a .star file describes.

    None with all mistakes reported: those that `starc check` reports, and more.
    """
    source = text if isinstance(text, Source) else Source("", text)
    program = parse(source, problems)
    alphabet = extend(prelude(), program, problems)
    blocks = find_blocks(program, alphabet.broken, problems)
    model = read_model(blocks.model, alphabet.broken, problems)
    if blocks.search is None:
        told = [one for one in problems if one.code != "missing-backbone"]
        problems.found[:] = told
        _missing(source, problems)
        return None
    stream = None if model is None else model.stream
    search = read_search(blocks.search, alphabet, stream, problems)
    goals = _objectives(blocks.search, problems)
    requirements = _requirements(blocks.search, problems)
    if problems or model is None or blocks.model is None:
        return None
    default = Spec()
    pool = (alphabet.resolved(name.text) for name in search.pool)
    spec = Spec(
        model=tuple((s.name.text, one_line(s.value)) for s in blocks.model.settings),
        name=model.name,
        definitions=_definitions(program),
        pool=tuple(dict.fromkeys(pool)) or _published(alphabet),
        depth=(search.depth[0], search.depth[1]) if search.depth else default.depth,
        genes=tuple((name, _values(values)) for name, values in search.genes.items()),
        open=_opened(search),
        objectives=goals or default.objectives,
        requirements=requirements,
        trainer=_trainer(search),
    )
    plain: dict[str, Any] = {n: _plain(value) for n, value in search.plain.items()}
    for name in ("mutation", "minutes"):
        if name in plain:
            plain[name] = float(Fraction(plain[name]))
    if "generations" not in plain and plain.keys() & {"evaluations", "minutes"}:
        plain["generations"] = 0  # another budget is stated
    spec = replace(spec, **(_rates(spec, plain) | plain))
    _check_fit(spec, search, blocks.search, problems)
    members = _members(spec, search, blocks, program, alphabet, problems)
    return None if problems else replace(spec, seeds=members)


def _check_fit(
    spec: Spec, search: SearchSettings, block: ast.Search, problems: Problems
) -> None:
    """Every LIV of the pool fits the model, and every searched value one LIV at least:
    what fits some is repaired. LIVs that open parameters may need one of those."""
    around, opened = surroundings(spec), dict(spec.open)
    fixed = [c for c in around.pool if around.classes[c].name not in opened]
    spans = {
        around.code(name): node.span
        for name, node in zip(spec.pool, search.pool, strict=False)
    }

    def tell(found: Diagnostic | None, span: Span) -> None:
        if found:
            problems.found.append(replace(found, span=span))

    for code in fixed:
        tell(misfit(code, (), (), spec), spans.get(code, block.span))
    for name, nodes in search.genes.items():
        for node in nodes:
            gene = ((name, _value(node)),)
            unfit = [misfit(code, (), gene, spec) for code in fixed]
            if len(fixed) == len(around.pool) and all(unfit):
                tell(unfit[0], node.span)


def _rates(spec: Spec, plain: dict[str, Any]) -> dict[str, Any]:
    """The rates of variation where none are stated: those of the paper, or an exchange
    LIV by LIV, and one change in all LIVs; and whether a model of the measures chooses,
    which takes longer than a simulated training."""
    if plain.get("variation") == "paper":
        return {"variation": "paper", "crossover": 2, "mutation": 0.1}
    most = spec.depth[1]
    return {
        "variation": "inherit",
        "crossover": max(1, most // 4),
        "mutation": 1 / max(2, most),
        "surrogate": spec.trainer.kind == "real"
        and plain.get("algorithm", spec.algorithm) == "nsga2",
    }


def _missing(source: Source, problems: Problems) -> None:
    end = len(source.text.rstrip())
    problems.add(
        "missing-search",
        "No search block",
        source.span(end, end),
        "the file ends without a search block",
        "It says what to search for.",
        "write search { minimize perplexity, cache }",
    )


def _definitions(program: ast.Program) -> str:
    kinds = (ast.Featurizer, ast.LivGenome, ast.LivDiff, ast.LivAlias)
    items = tuple(item for item in program.items if isinstance(item, kinds))
    return unparse(replace(program, items=items, comments=())) if items else ""


def _published(alphabet: Alphabet) -> tuple[str, ...]:
    """The pool by default: every class that has a code, in the order of codes."""
    classes, _ = with_codes(alphabet, ())
    return tuple(meaning.liv.name for meaning in classes.values())


def _plain(value: Quantity) -> Value:
    """A fraction as the language writes it, since floats would change it."""
    return str(value) if isinstance(value, Fraction) else value


def _value(node: ast.Value) -> Value:
    if isinstance(node, ast.Number):
        if isinstance(node.value, Fraction):
            return str(node.value)
        return int(node.value) if node.value == int(node.value) else node.value
    return node.value if isinstance(node, ast.Bool) else one_line(node)


def _values(nodes: tuple[ast.Value, ...]) -> tuple[Value, ...]:
    """Each once, in the order of the text."""
    return tuple(dict.fromkeys(map(_value, nodes)))


def _opened(search: SearchSettings) -> Opened:
    return tuple(
        (
            name,
            tuple(
                (parameter, _values(values))
                for parameter, values in sorted(opened.items())
            ),
        )
        for name, opened in search.opened.items()
    )


def _trainer(search: SearchSettings) -> Trainer:
    given: dict[str, Any] = {}
    for name, value in search.recipe.items():
        kind = type(getattr(Trainer(), name))
        given[name] = kind(value) if kind in (int, float) else value
    for name, field in (("lr", "learning_rates"), ("rungs", "rungs")):
        if name in search.lists:
            given[field] = tuple(float(Fraction(v)) for v in search.lists[name])
    return replace(Trainer(kind=search.trainer or "real"), **given)


# Goals --------------------------------------------------------------------------------


def _objectives(block: ast.Search, problems: Problems) -> tuple[Objective, ...]:
    found: dict[str, Objective] = {}
    for objective in block.objectives:
        for measure in objective.measures:
            name, arguments = _measure(measure, problems)
            one = Objective(name, objective.direction[:3], arguments)
            if one.label in found:
                problems.add(
                    "setting-twice",
                    f"`{one.label}` is an objective twice",
                    measure.span,
                    "again here",
                    "An objective is minimized or maximized, once.",
                )
            found[one.label] = one
    return tuple(found.values())


def _requirements(block: ast.Search, problems: Problems) -> tuple[Requirement, ...]:
    found = []
    for require in block.requirements:
        name, arguments = _measure(require.measure, problems)
        bound = float(require.bound.value * SECONDS.get(require.unit, 1))
        found.append(Requirement(name, require.relation, bound, arguments))
        measure = objectives.MEASURES.get(name)
        if require.unit and measure and measure.unit != "seconds":
            problems.add(
                "wrong-unit",
                f"`{name}` is no time",
                require.span,
                f"it is in {measure.unit}" if measure.unit else "it has no unit",
                f"Only what is measured in seconds is bounded by {require.unit}.",
            )
    return tuple(found)


def _measure(measure: ast.Measure, problems: Problems) -> tuple[str, Arguments]:
    """The name and arguments of a measure; one that nobody knows is told."""
    said = measure.name.text if isinstance(measure, ast.Call) else measure.text
    name = objectives.SHORT.get(said, said)
    given = measure.arguments if isinstance(measure, ast.Call) else ()
    known = objectives.find(name)
    if known is None:
        from starc.alphabet.near import near

        problems.add(
            "unknown-measure",
            "Unknown measure",
            measure.span,
            near(name, objectives.MEASURES, problems),
            f"There are: {', '.join(objectives.MEASURES)}; and module:function.",
        )
        return name, ()
    for setting in given:
        own = ":" in name
        if not own and setting.name.text not in known.arguments:
            takes = ", ".join(known.arguments) or "nothing between parentheses"
            problems.add(
                "unknown-parameter",
                "Unknown parameter",
                setting.name.span,
                "",
                f"`{name}` takes {takes}.",
            )
    return name, tuple((s.name.text, _value(s.value)) for s in given)


# Seeds --------------------------------------------------------------------------------


def _members(
    spec: Spec,
    search: SearchSettings,
    blocks: Blocks,
    program: ast.Program,
    alphabet: Alphabet,
    problems: Problems,
) -> tuple[tuple[str, Candidate], ...]:
    """Those that `seeds` names, at the greatest depth asked for."""
    found: dict[str, Candidate] = {}
    for name in search.seeds:
        if name.text != "backbone":
            found[name.text] = Candidate(seeds.named(name.text, spec.depth[1]))
        elif blocks.backbone is None:
            problems.add(
                "wrong-value",
                "Wrong value for `seeds`",
                name.span,
                "the file has no backbone",
                "`backbone` as a seed is the backbone of the same file.",
            )
        else:
            own = _own(spec, blocks.backbone, program, alphabet, problems)
            if own is not None:
                found[spec.name] = own
    return tuple(found.items())


def _own(
    spec: Spec,
    block: ast.Backbone,
    program: ast.Program,
    alphabet: Alphabet,
    problems: Problems,
) -> Candidate | None:
    """The file's own backbone, if a genome of this search can say it."""
    classes, _ = with_codes(alphabet, spec.pool)
    livs = dict(alphabet.livs)
    for meaning in classes.values():
        livs[meaning.liv.name] = replace(meaning, stated={}, alias=False)
    try:
        genome = encode(program, alphabet=Alphabet(livs, alphabet.featurizers))
    except StarError as error:
        problems.found.extend(error.diagnostics)
        return None
    low, high = spec.depth
    if not low <= len(genome) <= high:
        allowed = str(low) if low == high else f"{low} to {high}"
        problems.add(
            "seed-depth",
            "A seed of another depth",
            block.span,
            f"{counted(len(genome), 'LIV')}, not {allowed}",
            "Every candidate has as many LIVs as `depth` allows.",
            f"write depth = {len(genome)}",
        )
        return None
    return Candidate(genome)
