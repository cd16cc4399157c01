"""The constructor of an emitted class: arguments and attributes by what is read."""

from collections import Counter
from dataclasses import field
from functools import cached_property
from textwrap import dedent

from starc.backend.code import LIMIT, names_read, reads, signature, with_names
from starc.backend.emission import Argument, Emission
from starc.backend.layout import broken
from starc.values import dataclass


@dataclass
class Body:
    """Constructor, method and reset_parameters lines while a class is put together.

    Numbers are written by their bare names in `init`, as self.name in `methods`; what
    is read decides which arguments and attributes the class gets.
    """

    emission: Emission
    init: list[str] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)
    reset: list[str] = field(default_factory=list)

    def _code(self) -> str:
        """The constructor's lines as code of their own."""
        return "\n".join(line.strip() for line in self.init)

    @cached_property
    def methods_read(self) -> frozenset[str]:
        """The names that the methods read, asked when all are there; of numbers
        self.name, since nothing else has an attribute that is called like one."""
        return reads(dedent("\n".join(self.methods)))

    def arguments(self) -> list[Argument]:
        """Once all lines are there: what the constructor takes."""
        read = {*self.methods_read, *names_read(self._code())}
        return [a for a in self.emission.arguments if a.name in read]

    def lines(self) -> list[str]:
        """The constructor. Numbers of the config get a local name if read twice."""
        emission = self.emission
        code = self._code()
        times = Counter(names_read(code))
        local = [name for name in emission.configured if times[name] > 1]
        inline = [name for name in emission.configured if name not in local]
        read = self.methods_read
        names = [*local, *(argument.name for argument in emission.arguments)]
        attributes = [name for name in names if name in read]
        configured = [name for name in ("width", *inline, "eps") if name in read]
        parameters = ["self", "config: Config"]
        parameters += [f"{a.name}: {a.type}" for a in self.arguments()]
        lines = [*signature("__init__", parameters), "        super().__init__()"]
        statements = [
            *assignments("", local, "config."),
            *assignments("self.", attributes, ""),
            *assignments("self.", configured, "config."),
            *with_names(code, {n: f"config.{n}" for n in inline}).split("\n"),
        ]
        if self.reset:
            statements.append("self.reset_parameters()")
        for statement in statements:
            lines.extend(broken(statement, 8))
        return lines + self._reset()

    def _reset(self) -> list[str]:
        """The method that draws the class's own tensors, where it has any."""
        if not self.reset:
            return []
        lines = ["", "    @torch.no_grad()", "    def reset_parameters(self) -> None:"]
        for line in self.reset:
            inner = len(line) - len(line.lstrip())  # of a line in a loop
            lines.extend(broken(line.strip(), 8 + inner))
        return lines


def assignments(target: str, names: list[str], value: str) -> list[str]:
    """`self.heads, self.theta = config.heads, config.theta`, or a line each."""
    pairs = [(f"{target}{name}", f"{value}{name}") for name in names]
    left, right = ", ".join(t for t, _ in pairs), ", ".join(v for _, v in pairs)
    if 1 < len(names) and len(left) + len(right) + 11 <= LIMIT:
        return [f"{left} = {right}"]
    return [f"{t} = {v}" for t, v in pairs]


def as_attributes(expression: str, emission: Emission) -> str:
    """An expression of the constructor's numbers, in a method: with self. before."""
    names = (*emission.configured, *(a.name for a in emission.arguments))
    return with_names(
        expression, {"config": "self", **{name: f"self.{name}" for name in names}}
    )
