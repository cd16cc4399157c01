"""How the emitted file writes several streams: lines around a section's layers."""

from starc.backend.code import Call, statement
from starc.ir.nodes import Liv, Model, Parallel, Section
from starc.ir.streams import AltUp, AttentionResidual, Hyper, Streams

STREAMS = "streams"
"""The module of a section, behind the name of its first layer; and of the model."""

READ = "u"
"""The stream that a section reads, where one layer is all of it."""

KEPT = "kept"
"""What is beside it: streams without the answer, or as they were."""


def described(streams: Streams) -> str:
    """A sentence of the file's docstring."""
    match streams:
        case AltUp():
            return (
                f"There are {streams.count} streams, of which the layers of a block "
                "compute the first, x: the others are predicted before it, and all are "
                "corrected behind it (AltUp, arXiv 2301.13310)."
            )
        case Hyper():
            return (
                f"There are {streams.count} streams. x is a sum of them with weights "
                "of its own in each place, and what is added to it is added to all of "
                "them (hyper-connections, arXiv 2409.19606)."
            )
        case AttentionResidual():
            return (
                "x is a sum of streams, which each place weighs for itself: what "
                "entered, and for each block what its layers have added so far "
                "(attention residuals, arXiv 2603.15031)."
            )
        case _:
            raise TypeError(streams)


def connection(streams: Streams) -> str:
    """The class in `templates/functions/` of what stands around a section."""
    match streams:
        case AltUp():
            return "AltUp"
        case Hyper():
            return "HyperConnection" if streams.dynamic else "StaticHyperConnection"
        case AttentionResidual():
            return f"{'Normed' if streams.normed else ''}AttentionResidual"
        case _:
            raise TypeError(streams)


def classes(model: Model) -> tuple[str, ...]:
    """Those that the lines of a model call."""
    match model.streams:
        case None:
            return ()
        case AltUp():
            return ("Streams", "AltUp")
        case streams:
            return (connection(streams),)


def plain(section: Section, module: Liv | Parallel) -> bool:
    """Whether the answer of its only layer, `module`, is all that is written, and what
    it reads needs no name."""
    residual = module.residual
    skips = residual.skip == 1 and not residual.learned_skip
    alone = len(section.body) == 1 and skips and residual.stream is None
    return alone and isinstance(section.streams, Hyper | AttentionResidual)


def answered(section: Section, result: str) -> str:
    """What stands before the answer of such a layer. result: "x = ", or "return "."""
    match section.streams:
        case Hyper():
            return f"{result}{KEPT} + factors * "
        case AttentionResidual():
            return "y = "
        case _:
            raise TypeError(section.streams)


def opened(model: Model) -> tuple[list[str], list[str]]:
    """Lines of the constructor and of `hidden` that open the streams."""
    match model.streams:
        case None:
            return [], []
        case AltUp():
            made = [f"        self.{STREAMS} = Streams(config)"]
            return made, [f"        x = self.{STREAMS}.open(x)  # (N, B, T, D)"]
        case Hyper():
            line = "x = x.expand(self.config.streams, *x.shape)  # (N, B, T, D)"
            return [], [f"        {line}"]
        case AttentionResidual():
            call = f"{connection(model.streams)}(config)"
            line = "x = x[None]  # (N, B, T, D), a stream more for each block"
            return [f"        self.{STREAMS} = {call}"], [f"        {line}"]
        case _:
            raise TypeError(model.streams)


def closed(model: Model) -> list[str]:
    """Lines of `hidden` that close them."""
    match model.streams:
        case None:
            return []
        case AltUp():
            return [f"        x = self.{STREAMS}.close(x)"]
        case Hyper():
            return ["        x = x.sum(0)"]
        case AttentionResidual():
            return [f"        x = self.{STREAMS}(x)"]
        case _:
            raise TypeError(model.streams)


def read(section: Section, path: str, alone: bool) -> list[str]:
    """Lines before a section's layers. path: of its module; alone: see `plain`."""
    match section.streams:
        case AltUp():
            predicted = statement("predicted = ", Call(f"{path}.predict", ("x",)))
            return [*predicted, "        x = predicted[0]"]
        case Hyper():
            lines = statement(f"{READ}, {KEPT}, factors = ", Call(path, ("x",)))
            return lines if alone else [*lines, f"        x = {READ}"]
        case AttentionResidual():
            lines = statement(f"{READ} = ", Call(path, ("x",)))
            return lines if alone else [*lines, f"        {KEPT}, x = x, {READ}"]
        case _:
            raise TypeError(section.streams)


def left(section: Section, path: str, result: str, alone: bool) -> list[str]:
    """Lines behind them. result: "x = ", or "return "; path, alone: as of `read`."""
    match section.streams:
        case AltUp():
            return statement(result, Call(f"{path}.correct", ("predicted", "x")))
        case Hyper():
            return [] if alone else [f"        {answered(section, result)}(x - {READ})"]
        case AttentionResidual():
            streams, y = ("x", "y") if alone else (KEPT, f"(x - {READ})")
            rows = f"{streams}, {y}[None]"
            if section.streams.follows:
                rows = f"{streams}[:-1], {streams}[-1:] + {y}"
            return statement(result, Call("torch.cat", (f"({rows})",)))
        case _:
            raise TypeError(section.streams)
