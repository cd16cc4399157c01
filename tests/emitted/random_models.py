"""Random models with as much sharing as the language can say, as `lower` gives them."""

from dataclasses import replace
from random import Random

from starc.ir.nodes import Liv, Loop, Parallel, Written, WrittenStep
from starc.ir.operator import Operator
from starc.ir.residual import PLACEMENTS, STREAM, Norm, placed
from tests.emitted.architectures import again, beside, diff, model, use
from tests.reference.operators import OPERATORS


class Sampler:
    """One model. `labels`: what may be pointed at, and what stands there."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.operators = self.random.sample([*OPERATORS], self.random.randint(1, 3))
        self.labels: dict[str, tuple[Operator, str]] = {}  # "liv", "branch" or "diff"

    def model(self) -> Written:
        body = self.steps(self.random.randint(3, 7), depth=0)
        norm = Norm(self.random.choice(("rms", "layer")), 1e-3)
        placement = self.random.choice(self.placements())
        tied, cap = self.chance(0.5), self.random.choice((0.0, 3.0))
        if self.chance(0.5):  # some layers stand otherwise than the rest
            body = tuple(self.otherwise(step, norm) for step in body)
        return model(
            *body,
            norm=norm,
            placement=placement,
            scale=self.scale(),
            tied=tied,
            head_bias=self.chance(0.3),
            logit_softcap=cap,
            embedding_scale=self.scale(),
            logit_scale=self.scale(),
            learned_positions=(places := self.chance(0.2)),
            embedding_norm=norm if places else None,
        )

    def placements(self) -> list[str]:
        """Those under which numbers stay small enough for float64.

        With no norm at all they grow from LIV to LIV. RG-LRU's input needs one: the
        slope of its square root is bounded where the gate is nearly shut, and the
        reference's is not.
        """
        kinds = {OPERATORS[name].kind for name in self.operators}
        left_out = {"none", "post"} if "rg_lru" in kinds else {"none"}
        return [word for word in PLACEMENTS if word not in left_out]

    def scale(self) -> float:
        """Not above 1: what no norm brings back grows from LIV to LIV."""
        return self.random.choice((1.0, 1.0, 0.22, 0.5))

    def otherwise(self, step: WrittenStep, norm: Norm) -> WrittenStep:
        if isinstance(step, Loop):
            body = tuple(self.otherwise(inner, norm) for inner in step.body)
            return replace(step, body=body)
        if self.chance(0.5) or not isinstance(step, Liv | Parallel):
            return step
        placement = self.random.choice(self.placements())
        residual = placed(placement, norm, self.scale(), self.scale())
        learned = self.random.choice(("learned_scale", "learned_skip", "", ""))
        residual = replace(
            residual,
            learned_scale=residual.learned_scale or learned == "learned_scale",
            learned_skip=residual.learned_skip or learned == "learned_skip",
        )
        return replace(step, residual=residual)

    def inside(self, branch: Liv) -> Liv:
        """Some branches of a parallel have a norm or a factor of their own."""
        if self.chance(0.7):
            return branch
        residual = placed(
            self.random.choice([word for word in PLACEMENTS if word != STREAM]),
            Norm("layer", 1e-3),
            self.scale(),
        )
        return replace(branch, residual=residual)

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def steps(self, number: int, depth: int) -> tuple[WrittenStep, ...]:
        return tuple(self.step(depth) for _ in range(number))

    def step(self, depth: int) -> WrittenStep:
        kind = self.random.random()
        if kind < 0.15 and depth < 2:
            count = self.random.randint(2, 3)
            return Loop(count, self.steps(self.random.randint(1, 4), depth + 1))
        if kind < 0.3:
            branches = [self.liv("branch") for _ in range(self.random.randint(1, 3))]
            branches = branches * self.random.choice((1, 1, 2))
            return beside(*map(self.inside, branches))
        found = [label for label, (_, what) in self.labels.items() if what != "branch"]
        if kind < 0.45 and found:
            of = self.random.choice(found)
            return again(of, self.named(*self.labels[of]))
        return self.difference() if kind < 0.6 else self.liv("liv")

    def named(self, operator: Operator, what: str) -> str:
        """A label for two in three, known from here on."""
        if self.chance(0.33):
            return ""
        label = f"n{len(self.labels)}"
        self.labels[label] = operator, what
        return label

    def sharing(self, operator: Operator, differs: bool) -> dict[str, str]:
        """`weights` and groups, to labels of LIVs that fit."""
        fits = [
            label
            for label, (other, what) in self.labels.items()
            if other is operator and (what == "diff") == differs
        ]
        lend = [
            label
            for label, (other, what) in self.labels.items()
            if other.featurizer == operator.featurizer and (what == "diff") == differs
        ]
        found = {}
        if lend and self.chance(0.5):
            found["weights"] = self.random.choice(lend)
        if fits and self.chance(0.5):
            groups = [group.name for group in operator.groups if not group.stack]
            for group in self.random.sample(
                groups, self.random.randint(1, len(groups))
            ):
                found[group] = self.random.choice(fits)
        return found

    def operator(self) -> Operator:
        return OPERATORS[self.random.choice(self.operators)]

    def liv(self, what: str) -> Liv:
        operator = self.operator()
        sharing = self.sharing(operator, differs=False)
        return use(operator, self.named(operator, what), **sharing)

    def difference(self) -> Parallel:
        operator = self.operator()
        sharing = self.sharing(operator, differs=True)
        return diff(operator, self.named(operator, "diff"), **sharing)
