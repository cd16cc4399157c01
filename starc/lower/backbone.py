"""The backbone: uses of LIVs, repeats and parallels, from syntax to IR."""

from collections.abc import Iterator
from dataclasses import replace
from typing import assert_never

from starc.alphabet import (
    Alphabet,
    Meaning,
)
from starc.alphabet.around import (
    INPUT,
    OUTPUT,
    PLACEMENT,
    SKIP_SCALE,
    said_of_residual,
)
from starc.diagnostics import Note, Problems
from starc.frontend import ast
from starc.ir.nodes import Again, Layer, Liv, Loop, Parallel, Section, WrittenStep
from starc.ir.residual import AND_EMBEDDING, BARE, NONE, OTHERS, STREAM, Residual
from starc.ir.streams import AltUp
from starc.lower.answers import Answers, Read, reading
from starc.lower.built import Builder, Built
from starc.lower.collisions import check_generated_names
from starc.lower.count import count_livs, iterations
from starc.lower.labels import collect_labels, uses
from starc.lower.model import ModelSettings
from starc.lower.references import Shared
from starc.lower.sharing import Sharing
from starc.source import Span


def lower_backbone(
    block: ast.Backbone,
    settings: ModelSettings | None,
    alphabet: Alphabet,
    problems: Problems,
) -> tuple[WrittenStep, ...]:
    """The body of the model; it lacks what is wrong. No width: nothing is built."""
    count_livs(block, problems)
    labels = collect_labels(block, problems)
    before = len(problems.found)
    builder = Builder(settings, problems)
    lowering = _Backbone(builder, settings, alphabet, labels, problems)
    body = lowering.steps(block.body, "backbone", block.span)
    whole = builder.stream is not None and lowering.whole
    if whole and len(problems.found) == before:
        check_generated_names(body, labels, problems)
    return body


class _Backbone:
    def __init__(
        self,
        builder: Builder,
        settings: ModelSettings | None,
        alphabet: Alphabet,
        labels: dict[str, ast.Name],
        problems: Problems,
    ) -> None:
        self.builder = builder
        self.alphabet = alphabet
        self.problems = problems
        self.sharing = Sharing(labels, alphabet.broken, problems)
        self.entered = False  # the parallel at hand reads what entered the stream
        self.streams = None if settings is None else settings.streams
        self.inside = False  # of a block, where there is one stream
        self.to_others: set[str] = set()  # labels of LIVs that write to the others
        self.whole = not alphabet.broken_spans  # else it may say streams, unread
        self.answers = Answers(self.sharing, problems, whole=self.whole)

    def steps(
        self, body: tuple[ast.Step, ...], what: str, span: Span
    ) -> tuple[WrittenStep, ...]:
        if not body:
            self.empty(what, span)
        with self.answers.body():
            found = [self.step(step) for step in body]
        return tuple(step for step in found if step is not None)

    def step(self, step: ast.Step) -> WrittenStep | None:
        match step:
            case ast.Use():
                return self.alone(self.use(step))
            case ast.Parallel():
                return self.alone(self.parallel(step))
            case ast.Section():
                return self.section(step)
            case ast.Repeat():
                inner = self.steps(step.body, "repeat", step.span)
                return Loop(iterations(step.count), inner, step.span)
            case _:
                assert_never(step)

    def empty(self, what: str, span: Span) -> None:
        broken = any(
            span.start <= other.start and other.end <= span.end
            for other in self.alphabet.broken_spans
        )
        if not broken:
            end = min(span.end, span.start + 80)
            first = span.source.text[span.start : end].partition("\n")[0]
            self.problems.add(
                "empty-body",
                f"An empty {what}",
                Span(span.start, span.start + len(first), span.source),
                "no LIVs between the braces",
                "There is nothing to compose.",
                "write a LIV, such as MHA, or delete it",
            )

    # Several streams ------------------------------------------------------------------

    def alone(self, layer: Layer | None) -> WrittenStep | None:
        """As it stands in the streams: by itself, if it is in no block."""
        match layer:
            case None:
                return None
            case Again():
                others = layer.of in self.to_others
            case Liv() | Parallel():
                others = layer.residual.others
            case _:
                assert_never(layer)
        if self.streams is None or others or self.inside:
            return layer
        return Section(self.streams, (layer,), layer.span)

    def section(self, node: ast.Section) -> WrittenStep | None:
        """`block { ... }`: its layers are in the streams as one."""
        read = self.whole and self.builder.settings is not None
        if self.streams is None and read:
            self.problems.add(
                "conflicting-settings",
                "A block says nothing here",
                _head(node.span),
                "the model has one residual stream",
                "A block is what stands in several streams as one.",
                "say streams = altup in the model block, or leave out the braces",
            )
        if not node.body:
            self.empty("block", node.span)
        self.inside = True
        found = [self.layer_inside(step) for step in node.body]
        self.inside = False
        layers = tuple(layer for layer in found if layer is not None)
        if self.streams is None or not layers:
            return None
        return Section(self.streams, layers, node.span)

    def layer_inside(self, step: ast.Step) -> Layer | None:
        match step:
            case ast.Use():
                return self.use(step)
            case ast.Parallel():
                return self.parallel(step)
            case ast.Repeat() | ast.Section():
                self.problems.add(
                    "not-in-block",
                    "This cannot stand in a block",
                    _head(step.span),
                    "braces in a block",
                    "A block holds LIVs, one after the other, and parallels.",
                    "write them out, or put blocks in the repeat",
                )
                for use in uses((step,)):
                    self.use(use)
                return None
            case _:
                assert_never(step)

    def output(self, use: ast.Use, place: Span, residual: Residual) -> None:
        """Where the answer of a LIV goes; tells where it cannot go as the LIV says."""
        if use.label is not None and residual.others:
            self.to_others.add(use.label.text)
        streams = self.streams
        several = streams is not None and (streams.apart or not self.inside)
        why = ""
        if residual.others and not isinstance(streams, AltUp):
            why = "no stream of the model is the first"
        elif residual.others and self.inside:
            why = "in a block there is one stream"
        elif residual.others and residual.stream is not None:
            why = "placement = stream norms the first stream"
        elif residual.aside and several:
            why = "it would stand beside all streams"
        if why and self.whole:
            word = OTHERS if residual.others else NONE
            self.problems.add(
                "conflicting-settings",
                f"`output = {word}` does not fit",
                place,
                why,
                "In a block there is one stream, beside which an answer may stand, but "
                "not with streams = attention; outside, streams = altup has a first "
                "stream and others.",
                "leave out output",
            )

    # LIVs -----------------------------------------------------------------------------

    def use(self, use: ast.Use, branch: bool = False) -> Layer | None:
        meaning = self.alphabet.livs.get(use.said.liv)
        if meaning is None:
            meaning = self.alphabet.find(use.liv, self.problems)
        read: Read | None = None
        if use.clauses:
            read, use = self.answers.read(use)
            if read is not None and branch:
                self.not_in_parallel(read.clause.span, *_OF_ALL[INPUT.name])
            for clause in use.clauses:
                if isinstance(clause, ast.SameAs):
                    return self.again(clause, use, meaning, branch, read)
        built = self.builder.build(use, meaning, branch and self.entered)
        liv = meaning.liv if meaning else None
        weights = ""
        features: tuple[tuple[str, str], ...] = ()
        if use.clauses or use.label is not None:
            shared = Shared(use, liv, built, branch, read.kind if read else "")
            weights, features = self.sharing.clauses(use, shared)
            if use.label is not None:
                self.sharing.before.setdefault(use.label.text, shared)
        if branch and liv is not None and liv.of is not None:
            self.not_in_parallel(use.liv.span, f"{liv.written} has two branches itself")
        if branch and meaning is not None:
            self.said_of_all(use, meaning, built)
        if meaning is None or liv is None or built is None:
            return None
        if built.operator.lora and (branch or liv.of is not None):
            self.not_alone(use, "two branches share one use" if not branch else "")
        if not branch:
            self.answers.check(use, built.residual, liv.of is not None, read)
            said = (a.span for a in use.arguments if a.name.text == OUTPUT.name)
            self.output(use, next(said, use.liv.span), built.residual)
        labelled, label = use.label is not None, use.label.text if use.label else ""
        stem = label or _safe(meaning.stem)
        if liv.of is None:
            return Liv(
                stem=stem,
                label=label,
                name=liv.name,
                operator=built.operator,
                labelled=labelled,
                residual=built.inside if branch else reading(built.residual, read),
                source=read.label if read else "",
                weights_from=weights,
                features_from=features,
                alias=liv.alias,
                span=use.span,
            )
        branches = tuple(
            Liv(
                stem=letter,
                label=f"{label}.{letter}" if label else "",
                name=liv.of.name,
                operator=built.operator,
                residual=BARE,
                weights_from=f"{weights}.{letter}" if weights else "",
                features_from=tuple((g, f"{of}.{letter}") for g, of in features),
                alias=liv.of.alias,
                span=use.span,
            )
            for letter in ("a", "b")
        )
        stem = label or _safe(liv.template.stem)
        return Parallel(
            *(stem, label, liv.name, branches, (1, -1), labelled),
            residual=built.residual,
            span=use.span,
        )

    def again(
        self,
        clause: ast.SameAs,
        use: ast.Use,
        meaning: Meaning | None,
        branch: bool,
        read: Read | None,
    ) -> Again | None:
        others = [c for c in use.clauses if c is not clause]
        if others or use.arguments:
            self.problems.add(
                "same-as-alone",
                "`same as` says everything",
                clause.span,
                "the whole LIV is that one",
                "Nothing else can be said of it: it has the numbers, the weights and "
                "the sharing of the LIV that it is.",
                "delete the rest, or write weights from",
                tuple(Note(c.span, "this too") for c in (*others, *use.arguments)[:3]),
            )
        if branch:
            self.not_in_parallel(clause.span, "`same as` brings a norm of its own")
        numbers = None  # those of the class alone are not meant
        if meaning is not None and meaning.stated:
            numbers = self.builder.build(replace(use, arguments=()), meaning)
        user = Shared(use, meaning.liv if meaning else None, numbers, branch)
        target = self.sharing.same(clause, use.label, user)
        if target is not None and target.built is not None and not branch:
            around = target.built.residual
            self.answers.again(use, around, target, read)
            self.output(use, use.liv.span, around)
        if use.label is not None:
            shared = replace(target, use=use) if target else user
            self.sharing.before.setdefault(use.label.text, shared)
        if meaning is None:
            return None
        label = use.label.text if use.label else ""
        stem = label or _safe(meaning.stem)
        source = read.label if read else ""
        return Again(stem, label, clause.source.text, bool(label), source, use.span)

    # Parallels ------------------------------------------------------------------------

    def parallel(self, node: ast.Parallel) -> Layer | None:
        before = len(self.problems.found)
        residual = self.builder.residual(node.arguments)
        self.entered = residual.entered
        livs = tuple(self.branches(node.body))
        nothing = next(uses(node.body), None) is None
        if nothing and len(self.problems.found) == before:
            self.empty("parallel", node.span)
        return Parallel(
            *("parallel", "", "parallel", livs, (1,) * len(livs)),
            residual=residual,
            span=node.span,
        )

    def branches(self, body: tuple[ast.Step, ...]) -> Iterator[Liv]:
        """Those of a parallel; a repeat is its body, so many times."""
        for step in body:
            match step:
                case ast.Use():
                    branch = self.use(step, branch=True)
                    if isinstance(branch, Liv):
                        yield branch
                case ast.Parallel():
                    self.no_arguments(step)
                    yield from self.branches(step.body)
                case ast.Section():
                    self.not_in_parallel(_head(step.span), "a block in a parallel")
                case ast.Repeat():
                    before = len(self.problems.found)
                    inner = tuple(self.branches(step.body))
                    if not step.body and len(self.problems.found) == before:
                        self.empty("repeat", step.span)
                    yield from inner * iterations(step.count)
                case _:
                    assert_never(step)

    def no_arguments(self, inner: ast.Parallel) -> None:
        """Tells of a parallel in another one that says something of a residual."""
        for argument in inner.arguments:
            why = "what stands in a parallel is one with its branches"
            self.not_in_parallel(argument.span, why)

    def said_of_all(self, use: ast.Use, meaning: Meaning, built: Built | None) -> None:
        """Tells of a branch that says what is said of all branches at once."""
        of_stream = built is not None and built.inside.stream is not None
        for name, (why, hint) in _OF_ALL.items():
            if name == PLACEMENT.name and not of_stream:
                continue  # the other places are a branch's own
            for argument in use.arguments:
                if argument.name.text == name:
                    self.not_in_parallel(argument.span, why, hint)
            if name in said_of_residual(meaning.liv, meaning.stated):
                label = f"{use.liv.text} sets {name}: {why}"
                self.not_in_parallel(use.liv.span, label, hint)

    def not_alone(self, use: ast.Use, why: str) -> None:
        self.problems.add(
            "conflicting-settings",
            "`lora` does not fit",
            use.liv.span,
            why or "a branch of a parallel",
            "What each use has of its own stands beside single LIVs.",
            "leave out lora",
        )

    def not_in_parallel(self, span: Span, label: str, hint: str = "") -> None:
        self.problems.add(
            "not-in-parallel",
            "This cannot stand in a parallel",
            span,
            label,
            "The branches of a parallel are single LIVs that read one input.",
            hint,
        )


_OF_ALL = {
    PLACEMENT.name: (
        "all branches read one stream",
        f"say it of all: parallel(placement = {STREAM}) {{ ... }}",
    ),
    SKIP_SCALE.name: (
        "all branches are added to one stream",
        "say it of all: parallel(skip_scale = 1/2) { ... }",
    ),
    OUTPUT.name: (
        "all branches are added to one stream",
        "let a LIV outside of the parallel answer",
    ),
    INPUT.name: (
        "all branches read one input",
        f"say it of all: parallel(input = {AND_EMBEDDING}) {{ ... }}",
    ),
}


def _head(span: Span) -> Span:
    """A step in braces up to the first of these."""
    stop = span.source.text.find("{", span.start, span.end)
    return Span(span.start, max(stop, span.start + 1), span.source)


def _safe(stem: str) -> str:
    """The name of an alias as that of a LIV, which begins with a letter."""
    stem = stem.lstrip("_")
    return stem if stem.isidentifier() else f"liv_{stem}"
