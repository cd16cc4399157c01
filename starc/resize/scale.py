"""An architecture at another size, as text. RULE says how; nothing is trained."""

from dataclasses import replace
from fractions import Fraction
from math import gcd
from typing import NamedTuple, assert_never

from starc.choices import WAYS
from starc.diagnostics import Problems, StarError
from starc.frontend import ast
from starc.frontend.parse import parse
from starc.frontend.unparse import unparse
from starc.numerals import numeral
from starc.resize import deepen
from starc.source import NOWHERE, Source

RULE = """\
width: heads keep their size, so heads, kv_heads and blocks that are stated grow with
the width, and so does a stated hidden, up to the next multiple of 8. Ratios (expand),
kernels, windows, states and a stated head_dim stay; what is not stated takes its
default at the new width. Scales (residual_scale and the like) stay as they are stated.
depth counts LIVs, a parallel or a block as one. stack: the whole backbone again and
again, then its beginning for the rest. interleave: each LIV again in its place. What
shares, shares within its own copy; copies of a label are c1, c1_b, c1_c."""

HEADS = ("heads", "kv_heads", "blocks")


class ScaleError(Exception):
    """The architecture has no such size; the message says what to do."""


class Growth(NamedTuple):
    """Of the width."""

    old: int
    new: int

    @property
    def factor(self) -> Fraction:
        return Fraction(self.new, self.old)


def scale(source: Source, width: int = 0, depth: int = 0, by: str = "stack") -> str:
    """The text of `source` at another width (0: its own) and depth (0: its own).

    Canonical, with what was done and RULE as comments on top; a search block is left
    out. Raises StarError where source or result do not compile, ScaleError.
    """
    from starc import compiler

    compiler.to_ir(source)  # what is wrong already is told where it stands
    problems = Problems()
    program = parse(source, problems)
    problems.check()
    said = [f"{source.printable_name or 'a model'} {_done(program, width, depth, by)}."]
    said += ["The rule:", *RULE.splitlines()]
    top = "".join(f"# {line}\n" for line in said)

    def compiles(given: ast.Program) -> Source:
        text = unparse(scaled(given, width, depth, by))
        result = Source("scaled.star", f"{top}\n{text}")
        compiler.to_ir(result)
        return result

    try:
        try:
            result = compiles(program)
        except StarError as error:
            if {found.code for found in error.diagnostics} != {"label-collision"}:
                raise
            # what has no label is called by its place, which is another one now
            result = compiles(_lettered(program))
    except StarError as error:
        if any(found.code != "unread-answer" for found in error.diagnostics):
            raise
        raise _parted(depth, depth_of(program)) from error
    return unparse(parse(result, problems))


def _lettered(program: ast.Program) -> ast.Program:
    """The same with letters for numbers at the end of labels: conv_e for conv_4."""
    items = (
        replace(item, body=deepen.lettered(item.body))
        if isinstance(item, ast.Backbone)
        else item
        for item in program.items
    )
    return replace(program, items=tuple(items))


def scaled(
    program: ast.Program, width: int = 0, depth: int = 0, by: str = "stack"
) -> ast.Program:
    """The tree alone, of a program that compiles. Raises ScaleError."""
    assert by in WAYS, by
    old = width_of(program)
    growth = Growth(old, width or old)
    items = [i for i in program.items if not isinstance(i, ast.Search)]
    return replace(program, items=tuple(_item(i, growth, depth, by) for i in items))


def width_of(program: ast.Program) -> int:
    for item in program.items:
        if isinstance(item, ast.Model):
            for setting in item.settings:
                if setting.name.text == "width":
                    assert isinstance(setting.value, ast.Number)
                    return int(setting.value.value)
    raise ScaleError("the model block states no width")


def depth_of(program: ast.Program) -> int:
    """LIVs of the backbone, a parallel or a block as one."""
    for item in program.items:
        if isinstance(item, ast.Backbone):
            return deepen.depth(item.body)
    raise ScaleError("there is no backbone")


def _parted(depth: int, have: int) -> ScaleError:
    return ScaleError(
        f"at a depth of {depth} a LIV with output = none is parted from the one that "
        f"reads it; choose another depth: multiples of {have} part none"
    )


def _done(program: ast.Program, width: int, depth: int, by: str) -> str:
    old, deep = width_of(program), depth_of(program)
    of_width = f"from width {old} to {width}" if width else f"at its width of {old}"
    of_depth = f"depth {deep} to {depth} by {by}" if depth else f"its depth of {deep}"
    return f"scaled {of_width}, {of_depth}"


def _item(item: ast.Item, growth: Growth, depth: int, by: str) -> ast.Item:
    match item:
        case ast.Model():
            settings = tuple(_width(setting, growth) for setting in item.settings)
            return replace(item, settings=settings)
        case ast.LivAlias():
            return replace(item, arguments=_settings(item.arguments, growth))
        case ast.LivGenome():
            return replace(item, settings=_settings(item.settings, growth))
        case ast.Backbone():
            body = tuple(_step(step, growth) for step in item.body)
            return replace(item, body=_deep(body, depth, by))
        case ast.Featurizer() | ast.LivDiff() | ast.Search() | ast.Broken():
            return item
        case _:
            assert_never(item)


def _deep(body: tuple[ast.Step, ...], depth: int, by: str) -> tuple[ast.Step, ...]:
    if not depth:
        return body
    if by == "stack":
        return deepen.stack(body, depth)
    have = deepen.depth(body)
    if depth < have:
        raise ScaleError(
            f"interleaving repeats LIVs: {depth} are fewer than the {have} there are; "
            "--by stack gives the first of them"
        )
    return deepen.interleave(body, depth)


def _step(step: ast.Step, growth: Growth) -> ast.Step:
    match step:
        case ast.Use():
            return replace(step, arguments=_settings(step.arguments, growth))
        case ast.Repeat() | ast.Parallel() | ast.Section():
            return replace(step, body=tuple(_step(x, growth) for x in step.body))
        case _:
            assert_never(step)


def _settings(
    settings: tuple[ast.Setting, ...], growth: Growth
) -> tuple[ast.Setting, ...]:
    return tuple(_setting(setting, growth) for setting in settings)


def _setting(setting: ast.Setting, growth: Growth) -> ast.Setting:
    name, value = setting.name.text, setting.value
    if isinstance(value, ast.Call):  # grouped(heads = 12)
        arguments = _settings(value.arguments, growth)
        return replace(setting, value=replace(value, arguments=arguments))
    if not isinstance(value, ast.Number) or growth.old == growth.new:
        return setting
    if name == "hidden":
        wanted = Fraction(value.value) * growth.factor
        return replace(setting, value=_number(-(-wanted // 8) * 8))
    if name not in HEADS:
        return setting
    grown = Fraction(value.value) * growth.factor
    if grown.denominator != 1:
        line, _ = setting.span.source.line_and_column(setting.span.start)
        step = growth.old // gcd(growth.old, int(value.value))
        found = numeral(float(grown))
        raise ScaleError(
            f"line {line}: {name} = {value.value} would become {found}; "
            f"choose a width that divides by {step}, or leave {name} out of the file"
        )
    return replace(setting, value=_number(int(grown)))


def _width(setting: ast.Setting, growth: Growth) -> ast.Setting:
    if setting.name.text != "width" or growth.old == growth.new:
        return setting
    assert isinstance(setting.value, ast.Number)
    return replace(setting, value=_number(growth.new))


def _number(value: int) -> ast.Number:
    return ast.Number(NOWHERE, value, str(value))
