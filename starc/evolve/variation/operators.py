"""New candidates: sampling, crossover, mutation and repair, on all levels of genes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from starc.evolve.problem.architecture import Surroundings, surroundings
from starc.evolve.problem.candidate import Candidate, Parameters, Value
from starc.evolve.problem.spec import Spec
from starc.evolve.variation import changes
from starc.evolve.variation.changes import Changes
from starc.evolve.variation.repair import problem, repaired
from starc.genome import Genes
from starc.genome.strategies import NONE, WEIGHT_STRATEGIES, last_feature_strategy

Liv = tuple[Genes, Parameters]


@dataclass(frozen=True)
class Proposal:
    """A candidate that is to be measured, and how it came about.

    parents: ids. illegal: why it describes no architecture, "" if it does.
    """

    candidate: Candidate
    origin: str
    parents: tuple[int, ...] = ()
    changes: Changes = ()
    valid_before_repair: bool = True
    illegal: str = ""


class Variation:
    """The operators of one search. Every choice comes from the stream it is given."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.around: Surroundings = surroundings(spec)
        self.opened: dict[int, dict[str, tuple[Value, ...]]] = {
            self.around.code(name): dict(opened) for name, opened in spec.open
        }

    def learn(self, population: Sequence[Candidate]) -> None:
        """Before children of it are made; these operators ask for two parents alone."""

    # The four ways ------------------------------------------------------------------

    def seed(self, name: str, candidate: Candidate) -> Proposal:
        return Proposal(candidate, f"seed:{name}")

    def sample(self, random: Random) -> Proposal:
        """Every gene uniform in its range, then repaired whatever the spec says."""
        low, high = self.spec.depth
        livs = [self._liv(random) for _ in range(random.randint(low, high))]
        model = tuple((name, random.choice(words)) for name, words in self.spec.genes)
        candidate = _candidate(livs, model)
        return self._finished(candidate, "sample", (), (), random, True)

    def child(
        self,
        first: tuple[int, Candidate],
        second: tuple[int, Candidate],
        random: Random,
    ) -> Proposal:
        """Crossover of two parents, then mutation."""
        (one, a), (other, b) = first, second
        livs = list(_livs(a))
        done: list[changes.Change] = []
        if self.spec.crossover and one != other:
            livs, done = self._crossover(list(_livs(a)), list(_livs(b)), random)
        model = self._model_of(a, b, random)
        crossed = bool(done) and livs not in (list(_livs(a)), list(_livs(b)))
        parents = (one, other) if crossed else (one,)
        if not crossed:  # a parent again: what differs, mutation will have done
            livs, done, model = list(_livs(a)), [], dict(a.model)
        self._mutate(livs, model, done, random)
        origin = "crossover" if crossed else "mutation"
        candidate = _candidate(livs, self._kept(model))
        return self._finished(candidate, origin, parents, tuple(done), random)

    def again(self, child: Proposal, random: Random) -> Proposal:
        """The child after one more mutation: its parents stay its parents."""
        candidate, done = child.candidate, list(child.changes)
        livs, model = list(_livs(candidate)), dict(candidate.model)
        self._mutate(livs, model, done, random)
        return self._after(child, _candidate(livs, self._kept(model)), done, random)

    def _after(
        self,
        child: Proposal,
        candidate: Candidate,
        done: list[changes.Change],
        random: Random,
    ) -> Proposal:
        found = self._finished(
            candidate, child.origin, child.parents, tuple(done), random
        )
        before = child.valid_before_repair and found.valid_before_repair
        return replace(found, valid_before_repair=before)

    def _kept(self, model: dict[str, Value]) -> Parameters:
        """In the order of the search block."""
        return tuple(
            (name, model[name]) for name, _ in self.spec.genes if name in model
        )

    def _finished(
        self,
        candidate: Candidate,
        origin: str,
        parents: tuple[int, ...],
        done: Changes,
        random: Random,
        repair: bool = False,
    ) -> Proposal:
        wrong = problem(candidate, self.spec)
        if wrong and (repair or self.spec.repair):
            candidate, mended = repaired(candidate, self.spec, self._parameters, random)
            return Proposal(candidate, origin, parents, (*done, *mended), False)
        return Proposal(candidate, origin, parents, done, not wrong, wrong)

    # Sampling -------------------------------------------------------------------------

    def _liv(self, random: Random) -> Liv:
        code = random.choice(self.around.pool)
        genes = (
            code,
            random.choice(self._labels()),
            random.choice(self._weights()),
            random.choice(self._labels()),
            random.randint(NONE, self._last_strategy(code)),
        )
        return genes, self._parameters(code, random)

    def _parameters(self, code: int, random: Random) -> Parameters:
        """Of a new LIV: each that is open for its class, drawn."""
        opened = self.opened.get(code, {})
        return tuple((name, random.choice(opened[name])) for name in sorted(opened))

    def _labels(self) -> range:
        """Values of genes 2 and 4."""
        return range(1, max(1, self.spec.labels) + 1)

    def _weights(self) -> tuple[int, ...]:
        """Values of gene 3."""
        return tuple(WEIGHT_STRATEGIES) if self.spec.labels else (NONE,)

    def _last_strategy(self, code: int) -> int:
        """The highest value of gene 5."""
        liv = self.around.classes.get(code)
        if liv is None or not self.spec.labels:
            return NONE
        return last_feature_strategy(liv.groups)

    # Crossover ------------------------------------------------------------------------

    def _crossover(
        self, a: list[Liv], b: list[Liv], random: Random
    ) -> tuple[list[Liv], list[changes.Change]]:
        """`crossover` cuts; where lengths differ, at the same share of each."""
        shorter = min(len(a), len(b))
        count = min(self.spec.crossover, shorter - 1)
        if count < 1:
            return a, []
        places = sorted(random.sample(range(1, shorter), count))
        cuts = tuple(
            (round(at * len(a) / shorter), round(at * len(b) / shorter))
            for at in places
        )
        child: list[Liv] = []
        ends = [(0, 0), *cuts, (len(a), len(b))]
        pairs = zip(ends, ends[1:], strict=False)
        for turn, ((a0, b0), (a1, b1)) in enumerate(pairs):
            child += b[b0:b1] if turn % 2 else a[a0:a1]
        low, high = self.spec.depth
        child = child[:high]
        longer = a if len(a) > len(b) else b
        child += longer[len(child) : low]
        return child, [changes.crossed(cuts)]

    def _model_of(self, a: Candidate, b: Candidate, random: Random) -> dict[str, Value]:
        """Each gene of the model block from either parent."""
        found = {}
        for name, _ in self.spec.genes:
            given = dict(random.choice((a, b)).model)
            if name in given:
                found[name] = given[name]
        return found

    # Mutation -------------------------------------------------------------------------

    def _mutate(
        self,
        livs: list[Liv],
        model: dict[str, Value],
        done: list[changes.Change],
        random: Random,
    ) -> None:
        """Each gene is drawn again with the probability `mutation`, in place."""
        rate = self.spec.mutation
        for position, (genes, parameters) in enumerate(livs):
            found = list(genes)
            for which in range(1, 6):
                if random.random() < rate:
                    self._mutate_gene(position, found, which, done, random)
            code, label, strategy, group, borrows = found
            given = dict(parameters)
            if code != genes[0]:
                given = dict(self._parameters(code, random))
            for name, values in sorted(self.opened.get(code, {}).items()):
                if code == genes[0] and random.random() < rate:
                    old = given.get(name)
                    others = [value for value in values if value != old]
                    if others:
                        given[name] = random.choice(others)
                        change = changes.parameter(
                            "mutation", position, name, old, given[name]
                        )
                        done.append(change)
            changed = (code, label, strategy, group, borrows)
            livs[position] = changed, tuple(sorted(given.items()))
        self._mutate_depth(livs, done, random)
        self._mutate_model(model, done, random)

    def _mutate_model(
        self, model: dict[str, Value], done: list[changes.Change], random: Random
    ) -> None:
        for name, words in self.spec.genes:
            others = [word for word in words if word != model.get(name)]
            if random.random() < self.spec.mutation and others:
                old, model[name] = model.get(name), random.choice(others)
                done.append(changes.model("mutation", name, old, model[name]))

    def _mutate_gene(
        self,
        position: int,
        genes: list[int],
        which: int,
        done: list[changes.Change],
        random: Random,
    ) -> None:
        old = genes[which - 1]
        ranges = {
            1: self.around.pool,
            3: self._weights(),
            5: range(NONE, self._last_strategy(genes[0]) + 1),
        }
        choices = ranges.get(which, self._labels())
        others = [value for value in choices if value != old]
        if others:
            genes[which - 1] = random.choice(others)
            new, classes = genes[which - 1], self.around.classes
            done.append(changes.gene("mutation", position, which, old, new, classes))

    def _mutate_depth(
        self, livs: list[Liv], done: list[changes.Change], random: Random
    ) -> None:
        """Where the depth is open, one LIV may come or go."""
        low, high = self.spec.depth
        if low == high or random.random() >= self.spec.mutation:
            return
        if len(livs) < high and (len(livs) == low or random.random() < 0.5):
            at, liv = random.randint(0, len(livs)), self._liv(random)
            livs.insert(at, liv)
            done.append(changes.inserted(at, self.around.classes[liv[0][0]].name))
        elif len(livs) > low:
            at = random.randrange(len(livs))
            code = livs.pop(at)[0][0]
            liv_class = self.around.classes.get(code)
            done.append(changes.deleted(at, liv_class.name if liv_class else str(code)))


def _livs(candidate: Candidate) -> tuple[Liv, ...]:
    return tuple(
        (genes, candidate.of_liv(position))
        for position, genes in enumerate(candidate.genome)
    )


def _candidate(livs: list[Liv], model: Parameters) -> Candidate:
    parameters = tuple(parameters for _, parameters in livs)
    genome = tuple(genes for genes, _ in livs)
    return Candidate(genome, parameters if any(parameters) else (), model)
