"""expand: write loops out, so that the LIV of each iteration has its own name."""

from collections import Counter
from typing import NamedTuple, assert_never, cast

from starc.ir.nodes import (
    Again,
    Layer,
    Liv,
    Loop,
    Model,
    Parallel,
    Repeat,
    Section,
    Step,
    Written,
    WrittenStep,
)
from starc.ir.verify import InternalError
from starc.passes.rebuild import changed


class _Target(NamedTuple):
    """What a label of the text means at this point of the model.

    `root` differs from `label` for `same as`: the LIV that has the tensors.
    """

    label: str
    root: str
    parallel: bool


def expand(written: Written) -> Model:
    """The model with loops written out: labels are unique, references point at them.

    A label that is used once stays as it is, else its iterations count up: c1_0, c1_1.
    Without a label it is the stem and the number of layers before it, `same as` not
    counted: attn_3. A parallel of one plain branch is named as that branch alone would
    be, so that its tensors have the same names whether or not it is pruned.
    """
    body = _Expansion(written.body).run()
    return cast(Model, changed(written, body=body))  # another phase, the same class


def _count(body: tuple[WrittenStep, ...], times: int, uses: Counter[str]) -> None:
    """How often each label of the text occurs in the model, without writing it out."""
    for step in body:
        match step:
            case Loop():
                _count(step.body, times * step.count, uses)
            case Section():
                _count(step.body, times, uses)
            case Liv() | Again() | Parallel():
                for label in step.labels:
                    uses[label] += times
            case _:
                assert_never(step)


def _stems(branches: tuple[Liv, ...]) -> list[str]:
    """What branches of a parallel are called in it: attn, attn_2; labels go first."""
    taken = {branch.stem for branch in branches if branch.labelled}
    seen: set[str] = set()
    found = []
    for branch in branches:
        stem, copy = branch.stem, 2
        while stem in seen or (stem in taken and not (branch.labelled and copy == 2)):
            stem, copy = f"{branch.stem}_{copy}", copy + 1
        seen.add(stem)
        found.append(stem)
    return found


class _Expansion:
    def __init__(self, body: tuple[WrittenStep, ...]) -> None:
        self.written = body
        self.uses: Counter[str] = Counter()
        _count(body, 1, self.uses)
        self.iterations: Counter[str] = Counter()
        self.latest: dict[str, _Target] = {}
        self.agains: Counter[str] = Counter()
        self.position = 0  # layers so far, `same as` not counted

    def run(self) -> tuple[Step, ...]:
        return self.walk(self.written)

    def walk(self, body: tuple[WrittenStep, ...]) -> tuple[Step, ...]:
        return tuple(map(self.step, body))

    def step(self, step: WrittenStep) -> Step:
        match step:
            case Loop():
                return Repeat(tuple(self.walk(step.body) for _ in range(step.count)))
            case Section():
                return changed(step, body=tuple(map(self.layer, step.body)))
            case Liv() | Again() | Parallel():
                return self.layer(step)
            case _:
                assert_never(step)

    def layer(self, step: Layer) -> Layer:
        match step:
            case Again():
                return self.again(step)
            case Liv():
                liv = self.liv(step, self.name(step))
                self.position += 1
                return liv
            case Parallel():
                parallel = self.parallel(step)
                self.position += 1
                return parallel
            case _:
                assert_never(step)

    def name(self, node: Liv | Parallel) -> str:
        if node.labelled:
            return self.numbered(node.stem)
        return f"{node.stem}_{self.position}"

    def numbered(self, label: str) -> str:
        if self.uses[label] == 1:
            return label
        iteration = self.iterations[label]
        self.iterations[label] = iteration + 1
        return f"{label}_{iteration}"

    def target(self, reference: str, stem: str) -> _Target:
        """The target of a reference in a LIV named `stem`.

        Of a differential LIV it is the side of the same name: sharing is side by side.
        """
        written, _, branch = reference.partition(".")
        if written not in self.latest:
            raise InternalError("expand", f"no {reference} stands before its use")
        target = self.latest[written]
        if not target.parallel:
            return target
        branch = branch or stem
        return _Target(f"{target.label}.{branch}", f"{target.root}.{branch}", False)

    def liv(self, liv: Liv, label: str) -> Liv:
        weights_from, features_from = liv.weights_from, liv.features_from
        if weights_from:
            weights_from = self.target(weights_from, liv.stem).root
        if features_from:
            features_from = tuple(
                (group, reference and self.target(reference, liv.stem).label)
                for group, reference in features_from
            )
        source = self.source(liv)
        if liv.labelled:
            self.latest[liv.stem] = _Target(label, label, False)
        return changed(
            liv,
            label=label,
            weights_from=weights_from,
            features_from=features_from,
            source=source,
        )

    def source(self, layer: Liv | Again) -> str:
        """The LIV whose answer it reads: of several with one label the latest."""
        return self.latest[layer.source].label if layer.source else ""

    def parallel(self, parallel: Parallel) -> Parallel:
        stems = _stems(parallel.branches)
        if parallel.alone:
            (branch,) = parallel.branches
            label = self.name(branch)
            return changed(
                parallel,
                stem=branch.stem,
                label=label,
                labelled=branch.labelled,
                branches=(self.liv(branch, label),),
            )
        label = self.name(parallel)
        branches = []
        for branch, stem in zip(parallel.branches, stems, strict=True):
            own = self.numbered(branch.stem) if branch.labelled else f"{label}.{stem}"
            branches.append(changed(self.liv(branch, own), stem=stem))
        if parallel.labelled:
            self.latest[parallel.stem] = _Target(label, label, True)
        return changed(parallel, label=label, branches=tuple(branches))

    def again(self, again: Again) -> Again:
        if again.of not in self.latest:
            raise InternalError("expand", f"no {again.of} stands before its use")
        target, source = self.latest[again.of], self.source(again)
        if again.labelled:
            label = self.numbered(again.stem)
            self.latest[again.stem] = _Target(label, target.root, target.parallel)
            return changed(again, label=label, of=target.root, source=source)
        self.agains[target.root] += 1
        stem = f"{target.root}_again"
        label = f"{stem}_{self.agains[target.root]}"
        return changed(again, stem=stem, label=label, of=target.root, source=source)
