"""Each node of the syntax tree on one line."""

from collections.abc import Sequence

from starc.frontend import ast


def one_line(node: ast.Node) -> str:
    """Any node but a block, as it is written on one line."""
    match node:
        case ast.Name():
            return node.text
        case ast.Number():
            return node.text or str(node.value)
        case ast.Bool():
            return "true" if node.value else "false"
        case ast.List():
            return f"[{', '.join(one_line(item) for item in node.items)}]"
        case ast.Call():
            return f"{node.name.text}({_settings(node.arguments)})"
        case ast.Setting():
            return f"{node.name.text} = {one_line(node.value)}"
        case ast.Use():
            return " ".join(part for part in (head(node), clauses(node)) if part)
        case ast.LivAlias():
            liv = node.liv.text + _arguments(node.arguments)
            return f"liv {node.name.text} = {liv}"
        case ast.LivDiff():
            return header(node)
        case ast.Objective():
            measures = ", ".join(one_line(measure) for measure in node.measures)
            return f"{node.direction} {measures}"
        case ast.Require():
            measure, bound = one_line(node.measure), one_line(node.bound)
            return f"require {measure} {node.relation} {bound} {node.unit}".rstrip()
        case ast.WeightsFrom():
            return f"weights from {node.source.text}"
        case ast.FeaturesFrom():
            return f"{_names(node.groups)} from {node.source.text}"
        case ast.SameAs():
            return f"same as {node.source.text}"
        case ast.Genes():
            return f"genes({', '.join(one_line(value) for value in node.values)})"
    raise TypeError(f"{type(node).__name__} has no one line")


def header(block: ast.Node) -> str:
    """A block up to its brace: `model tiny`, `12 x`."""
    match block:
        case ast.Model():
            return "model" + (f" {block.name.text}" if block.name else "")
        case ast.Featurizer():
            return f"featurizer {block.name.text}"
        case ast.LivGenome():
            return f"liv {block.name.text}"
        case ast.LivDiff():
            return f"liv {block.name.text} = diff({block.of.text})"
        case ast.Repeat():
            return f"{one_line(block.count)} x"
        case ast.Parallel():
            return "parallel" + _arguments(block.arguments)
        case ast.Section():
            return "block"
    return type(block).__name__.lower()  # backbone, search


def head(use: ast.Use, arguments: str | None = None) -> str:
    """A LIV without its clauses: `c2: ShortConv(kernel = 3)`."""
    label = f"{use.label.text}: " if use.label else ""
    if arguments is None:
        arguments = _arguments(use.arguments)
    return label + use.liv.text + arguments


def clauses(use: ast.Use) -> str:
    return "  ".join(one_line(clause) for clause in use.clauses)


def _arguments(arguments: Sequence[ast.Setting]) -> str:
    return f"({_settings(arguments)})" if arguments else ""


def _settings(settings: Sequence[ast.Setting]) -> str:
    return ", ".join(one_line(setting) for setting in settings)


def _names(names: Sequence[ast.Name]) -> str:
    return ", ".join(name.text for name in names)
