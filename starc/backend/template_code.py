"""Templates as Python, which runs without Jinja: made once, shipped beside them.

Of Jinja's language the templates use a small part, and this knows that part. `make
golden` writes the files anew; a test holds them to the templates. To read a template
with Jinja, and to import it, takes longer than a compilation.
"""

from collections.abc import Iterable, Iterator, Sequence

from jinja2 import Environment, nodes

from starc import resources

PARTS = "operators/"
"""Of these templates a block is asked for alone; of the others the whole text."""

WHOLES = ("model.py.j2", "hf/modeling.py.j2", "hf/configuration.py.j2")
"""The others that are asked for; what else there is is read for these."""

COMPARED = {"eq": "==", "ne": "!=", "in": "in", "notin": "not in"}


def shipped() -> dict[str, str]:
    """Name of a file in `templates/` -> its text."""
    parts = [f"{PARTS}{n}" for n in resources.names(f"templates/{PARTS}")]
    names = [name for name in (*parts, *WHOLES) if name.endswith(".py.j2")]
    return {name.removesuffix(".j2"): python(name) for name in names}


def python(name: str) -> str:
    """A module: functions from a context to a text, `BLOCKS`, which names them, and
    `SOURCES`, the checksum of each template that was read for it."""
    made = _Translation(name)
    blocks = {block.name: block.body for block in made.tree.find_all(nodes.Block)}
    bodies = blocks if name.startswith(PARTS) else {"whole": made.whole()}
    lines = [f"# {name} as Python. Do not edit: `make golden` writes it."]
    for block, body in bodies.items():
        lines += ["", "", f"def {block}(_given):", *made.function(body, set())]
    marks = {source: resources.checksum("templates", source) for source in made.sources}
    sources = (f"    {source!r}: {found}," for source, found in sorted(marks.items()))
    named = ", ".join(f"{block!r}: {block}" for block in bodies)
    lines += ["", "", "SOURCES = {", *sources, "}", f"BLOCKS = {{{named}}}", ""]
    return "\n".join(lines)


class _Translation:
    """tree: of the template. over: blocks that it has instead of those it extends.
    sources: the templates that were read. known, in methods: names of variables, to
    which statements add; other names are what the function is given."""

    def __init__(self, name: str) -> None:
        self.sources: set[str] = set()
        self.over: dict[str, list[nodes.Node]] = {}
        self.tree = self.read(name)

    def read(self, name: str) -> nodes.Template:
        self.sources.add(name)
        environment = Environment(
            trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
        )
        return environment.parse(resources.read("templates", name), name)

    def whole(self) -> list[nodes.Node]:
        extended = self.tree.find(nodes.Extends)
        if extended is None:
            return self.tree.body
        self.over = {
            block.name: block.body for block in self.tree.find_all(nodes.Block)
        }
        return self.named(extended.template).body

    def named(self, template: nodes.Expr) -> nodes.Template:
        return self.read(template.as_const())

    def function(self, body: Sequence[nodes.Node], known: set[str]) -> list[str]:
        """The lines of one that returns a text."""
        inside = ["_text = []", *self.lines(body, known), 'return "".join(_text)']
        return _indented(inside)

    def lines(self, body: Sequence[nodes.Node], known: set[str]) -> list[str]:
        return [line for node in body for line in self.statement(node, known)]

    def statement(self, node: nodes.Node, known: set[str]) -> Iterator[str]:
        match node:
            case nodes.Output():
                parts = (f"{_printed(part, known)}," for part in node.nodes)
                yield from ["_text += (", *_indented(parts), ")"]
            case nodes.Assign():
                value = expression(node.node, known)
                yield f"{', '.join(_targets(node.target, known))} = {value}"
            case nodes.If():
                word = "if"
                for each in (node, *node.elif_):
                    yield f"{word} {expression(each.test, known)}:"
                    yield from self.inside(each.body, known)
                    word = "elif"
                if node.else_:
                    yield from ["else:", *self.inside(node.else_, known)]
            case nodes.For():
                iterated, known = expression(node.iter, known), {*known}
                yield f"for {', '.join(_targets(node.target, known))} in {iterated}:"
                if node.test:
                    yield f"    if not {expression(node.test, known)}: continue"
                yield from self.inside(node.body, known)
            case nodes.Macro():
                known.add(node.name)
                names = [argument.name for argument in node.args]
                given = [expression(default, known) for default in node.defaults]
                without = len(names) - len(given)
                more = zip(names[without:], given, strict=True)
                parameters = ", ".join([*names[:without], *map("=".join, more)])
                yield f"def {node.name}({parameters}):"
                yield from self.function(node.body, {*known, *names})
            case nodes.FromImport():
                tree = self.named(node.template)
                yield from self.lines([*tree.find_all(nodes.Macro)], known)
            case nodes.Include():
                yield from self.lines(self.named(node.template).body, known)
            case nodes.Block():
                yield from self.lines(self.over.get(node.name, node.body), known)
            case _:
                raise NotImplementedError(f"in a template: {node}")

    def inside(self, body: Sequence[nodes.Node], known: set[str]) -> list[str]:
        return _indented(self.lines(body, known) or ["pass"])


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _targets(node: nodes.Node, known: set[str]) -> list[str]:
    """Names that are variables from here on."""
    found = [name.name for name in node.find_all(nodes.Name)]
    found = [node.name] if isinstance(node, nodes.Name) else found
    known.update(found)
    return found


def _printed(node: nodes.Node, known: set[str]) -> str:
    if isinstance(node, nodes.TemplateData):
        return repr(node.data)
    return f"str({expression(node, known)})"


def expression(node: nodes.Node, known: set[str]) -> str:
    """Python's for one of Jinja's; in brackets where it has parts."""

    def of(part: nodes.Node) -> str:
        return expression(part, known)

    def listed(parts: Iterable[nodes.Node]) -> str:
        return ", ".join(map(of, parts))

    match node:
        case nodes.Const():
            return repr(node.value)
        case nodes.Name(name=name):
            return name if name in known else f"_given[{name!r}]"
        case nodes.Getattr(node=whole, attr=name):
            return f"{of(whole)}.{name}"
        case nodes.Getitem(node=whole, arg=key):
            return f"{of(whole)}[{of(key)}]"
        case nodes.Call(node=function, args=arguments):
            return f"{of(function)}({listed(arguments)})"
        case nodes.Filter(node=nodes.Expr() as parts, name="join", args=[between]):
            return f"{of(between)}.join({of(parts)})"
        case nodes.Test(node=nodes.Name(name=name), name="defined"):
            return f"({name!r} in _given)"
        case nodes.Not(node=part):
            return f"(not {of(part)})"
        case nodes.And(left=left, right=right):
            return f"({of(left)} and {of(right)})"
        case nodes.Or(left=left, right=right):
            return f"({of(left)} or {of(right)})"
        case nodes.Compare(expr=left, ops=[nodes.Operand(op=sign, expr=right)]):
            return f"({of(left)} {COMPARED[sign]} {of(right)})"
        case nodes.Concat(nodes=parts):
            return f"({' + '.join(f'str({of(part)})' for part in parts)})"
        case nodes.CondExpr(test=test, expr1=one, expr2=other):
            otherwise = of(other) if other else repr("")
            return f"({of(one)} if {of(test)} else {otherwise})"
        case nodes.List(items=parts):
            return f"[{listed(parts)}]"
        case nodes.Tuple(items=parts):
            return f"({listed(parts)},)"
        case nodes.Dict(items=pairs):
            inside = ", ".join(f"{of(pair.key)}: {of(pair.value)}" for pair in pairs)
            return f"{{{inside}}}"
    raise NotImplementedError(f"in a template: {node}")
