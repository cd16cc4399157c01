"""What holds after every pass. A violation is a bug in starc, not in the text."""

from typing import assert_never

from starc.ir.nodes import Again, Feature, Liv, Model, Parallel, sections
from starc.ir.operator import Group, Operator
from starc.ir.residual import BARE, Residual


class InternalError(Exception):
    """A bug in starc: `stage`, the pass or part that is at fault, and what is wrong."""

    def __init__(self, stage: str, problem: str) -> None:
        super().__init__(f"internal error in {stage}: {problem}")
        self.stage = stage
        self.problem = problem


def verify(model: Model, stage: str) -> None:
    """Raises InternalError, which names the pass `stage`, unless all of this holds.

    Labels are unique and references point back. From resolve on: each LIV has every
    feature of its operator in order; each comes from a LIV whose group fits and, if
    borrowed, is computed there; the projections partition what is computed here, in the
    operator's order. Linear in the number of LIVs.
    """
    _Verifier(model, stage).run()


class _Verifier:
    def __init__(self, model: Model, stage: str) -> None:
        self.model = model
        self.stage = stage
        self.resolved = stage != "expand"
        self.livs: dict[str, Liv] = {}  # label -> the LIV that computes as it does
        self.parallels: dict[str, Parallel] = {}
        self.taken: set[str] = set()
        self.embedded_widths: set[int] = set()
        self.users = dict.fromkeys(model.shared, 0)
        self.groups: dict[int, dict[str, Group]] = {}  # by identity of the operator
        self.plain: set[tuple[int, tuple[tuple[str, ...], ...]]] = set()

    def fail(self, problem: str) -> None:
        raise InternalError(self.stage, problem)

    def run(self) -> None:
        self.streams()
        for layer in self.model.layers():
            match layer:
                case Liv():
                    self.name(layer.label)
                    self.liv(layer)
                case Again():
                    self.name(layer.label)
                    self.again(layer)
                case Parallel():
                    self.parallel(layer)
                case _:
                    assert_never(layer)
        for label, users in self.users.items():
            if users < 2:
                self.fail(f"{label} is shared but used by {users} LIVs")
        if len(set(self.model.shared)) != len(self.model.shared):
            self.fail("a label stands in Model.shared twice")

    def streams(self) -> None:
        """Every section is of the model's streams, and holds a layer."""
        for section in sections(self.model.body):
            if not section.body or section.streams != self.model.streams:
                self.fail("a section of no layers, or of other streams")

    def name(self, label: str) -> None:
        if not label or label in self.taken:
            self.fail(f"the label {label!r} is empty or used twice")
        self.taken.add(label)

    def again(self, again: Again) -> None:
        if again.of in self.parallels:
            for branch in self.parallels[again.of].branches:
                self.livs[again.label + branch.label[len(again.of) :]] = branch
        elif again.of in self.livs:
            self.livs[again.label] = self.livs[again.of]
            self.source(again, self.livs[again.of].residual)
        else:
            self.fail(
                f"{again.label} is the same as {again.of}, which is not before it"
            )

    def parallel(self, parallel: Parallel) -> None:
        if not parallel.branches or len(parallel.branches) != len(parallel.signs):
            self.fail(f"{parallel.label} has no branches, or not a sign for each")
        stems = {branch.stem for branch in parallel.branches}
        if len(stems) != len(parallel.branches):
            self.fail(f"two branches of {parallel.label} have one name")
        # A parallel of one branch has that branch's name.
        if not (len(stems) == 1 and parallel.branches[0].label == parallel.label):
            self.name(parallel.label)
        for branch in parallel.branches:
            self.name(branch.label)
            self.liv(branch)
            own = branch.residual
            if own is not BARE and (own.skip != 1 or own.learned_skip or own.stream):
                self.fail(f"{branch.label} is a branch that changes the stream")
        self.parallels[parallel.label] = parallel

    def groups_of(self, operator: Operator) -> dict[str, Group]:
        groups = self.groups.get(id(operator))
        if groups is None:
            groups = operator.groups_by_name
            self.groups[id(operator)] = groups
            if operator.width != self.model.width:
                self.fail(f"an operator of width {operator.width} in another model")
        return groups

    def source(self, layer: Liv | Again, residual: Residual) -> None:
        """Whether an answer is read where there is one."""
        if bool(layer.source) != bool(residual.source):
            self.fail(f"{layer.label} reads an answer that it does not name, or not")
        if layer.source and not (
            layer.source in self.livs and self.livs[layer.source].residual.aside
        ):
            self.fail(f"{layer.label} reads {layer.source}, which has no answer for it")

    def liv(self, liv: Liv) -> None:
        label = liv.label
        self.source(liv, liv.residual)
        self.livs[label] = liv
        groups = self.groups_of(liv.operator)
        if not self.resolved:
            for reference in (liv.weights_from, *(ref for _, ref in liv.features_from)):
                if reference and (reference == label or reference not in self.livs):
                    self.fail(f"{label} refers to {reference}, which is not before it")
            return
        names = tuple([feature.group for feature in liv.features])
        if names != tuple(groups):
            self.fail(f"{label} lacks a feature, or has them out of order")
        users, computed = {liv.mixing}, []
        for feature in liv.features:
            if not feature.input:
                self.embedded(liv, feature, groups[feature.group])
                continue
            if feature.weights != label or feature.input != label or feature.borrowed:
                self.feature(liv, feature, groups[feature.group])
            if not feature.borrowed:
                users.add(feature.weights)
                computed.append(feature.group)
        self.projections(liv, groups, computed)
        if liv.mixing not in self.livs:
            self.fail(f"{label} mixes with {liv.mixing}, which is not before it")
        elif (
            liv.mixing != label
            and self.livs[liv.mixing].operator.featurizer != liv.operator.featurizer
        ):
            self.fail(f"{label} mixes with {liv.mixing}, which is another operator")
        for user in users:
            if user in self.users:
                self.users[user] += 1

    def embedded(self, liv: Liv, feature: Feature, group: Group) -> None:
        """A feature that the model makes of the token."""
        if not feature.borrowed or feature.weights:
            self.fail(f"{group.name} of {liv.label} is of the embedding, and is not")
        self.embedded_widths.add(group.width)
        if len(self.embedded_widths) > 1:
            self.fail(f"{group.name} of {liv.label} is wider than others")

    def feature(self, liv: Liv, feature: Feature, group: Group) -> None:
        """A feature that is not the LIV's own through and through."""
        what = f"{feature.group} of {liv.label}"
        for reference in (feature.weights, feature.input):
            source = self.livs.get(reference)
            if source is None:
                self.fail(f"{what} comes from {reference}, which is not before it")
            elif self.groups_of(source.operator).get(group.name) != group:
                self.fail(f"{what} does not fit that of {reference}")
        if feature.borrowed:
            source = self.livs[feature.input]
            found = source.feature(feature.group)
            itself = source.label in (found.input, feature.input)
            if found.borrowed or found.weights != feature.weights or not itself:
                self.fail(
                    f"{what} is borrowed from {feature.input}: not computed there"
                )

    def projections(
        self, liv: Liv, groups: dict[str, Group], computed: list[str]
    ) -> None:
        """They partition the computed groups, each in the operator's order."""
        key = (id(liv.operator), liv.projections)
        if len(computed) == len(groups) and key in self.plain:
            return
        if liv.projections == tuple([(name,) for name in computed]):
            return  # before fuse: each group alone
        if sorted(name for p in liv.projections for name in p) != sorted(computed):
            self.fail(f"the projections of {liv.label} are not what it computes")
        order = list(groups)
        features = {feature.group: feature for feature in liv.features}
        for projection in liv.projections:
            places = [order.index(name) for name in projection]
            if places != sorted(places):
                self.fail(f"{projection} of {liv.label} is out of order")
            convolved = [p for p in places if groups[order[p]].convolved]
            inside = places[places.index(convolved[0]) :] if convolved else []
            if inside[: len(convolved)] != convolved:
                self.fail(f"{projection} of {liv.label} has its convolved groups apart")
            read = {(features[n].input, groups[n].source) for n in projection}
            if len(read) > 1:
                self.fail(f"{projection} of {liv.label} reads more than one input")
        if len(computed) == len(groups):
            self.plain.add(key)
