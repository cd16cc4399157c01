"""What the page asks the compiler: a request in JSON, an answer in JSON.

It runs in the browser, in a worker, on the compiler itself. A request is an object
with `ask`, the name of one of the functions in ASKED, and the arguments of that one;
places are offsets in UTF-16 code units, as JavaScript counts. There is always an
answer: `{"wrong": why}` where it cannot be done, `{"needs": "black"}` where a line of
the emitted file is too long and the page has to fetch the formatter first.
"""

import json
from collections.abc import Callable, Iterator
from functools import lru_cache
from random import Random
from typing import Any

from starc import compiler, draw, genome, passes
from starc.backend.render import render
from starc.choices import DTYPES
from starc.diagnostics import Problems, StarError
from starc.evolve.problem import architecture, reading
from starc.evolve.problem.candidate import Candidate
from starc.evolve.problem.spec import Spec
from starc.evolve.variation.inheriting import Inheriting
from starc.evolve.variation.operators import Proposal
from starc.frontend import ast
from starc.frontend.unparse import unparse
from starc.ir.compare import describe_changes
from starc.ir.cost import Cost, costs
from starc.ir.descriptions import class_of, name_of, sharing
from starc.ir.nodes import Model
from starc.lower.labels import uses
from starc.lsp import completion, hover
from starc.lsp.document import Document
from starc.lsp.formatting import formatting
from starc.lsp.navigation import apply
from starc.source import Source

Answer = dict[str, Any]

MOST_ROWS = 2_000
"""Of the table of costs; a page of more is of no use to anyone."""

DRAWS = 400
"""Of children, among which the one with the fewest changes is taken."""


class Wrong(Exception):
    """Says why a request has no other answer."""


def answer(request: str) -> str:
    """The answer to a request."""
    try:
        given = json.loads(request)
        found = ASKED[given.pop("ask")](**given)
    except Wrong as error:
        found = {"wrong": str(error)}
    except StarError as error:
        found = {"wrong": _told(error.diagnostics[0])}
    except ModuleNotFoundError as error:
        if error.name != "black":
            raise
        found = {"needs": "black"}
    return json.dumps(found)


# Texts --------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def _document(name: str, text: str) -> Document:
    return Document(name, text)


def forget() -> None:
    """Lets go of the texts that were asked about."""
    _document.cache_clear()


def _told(found: Any) -> str:
    """One line: `Not in a genome: 8 (line 4)`."""
    line, _ = found.span.source.line_and_column(found.span.start)
    label = f": {found.label}" if found.label else ""
    return f"{found.title}{label} (line {line})"


class _Units:
    """Offsets in the compiler's text <-> in code units of the page's."""

    def __init__(self, document: Document) -> None:
        self.text = document.source.text
        self.plain = self.text.isascii()
        self.first = len(document.text.given) - len(self.text)  # a byte order mark

    def of(self, offset: int) -> int:
        found = self.first + offset
        if not self.plain:
            found += sum(letter > "\uffff" for letter in self.text[:offset])
        return found

    def back(self, units: int) -> int:
        units -= self.first
        if self.plain:
            return min(max(units, 0), len(self.text))
        for offset, letter in enumerate(self.text):
            if units <= 0:
                return offset
            units -= 1 + (letter > "\uffff")
        return len(self.text)


def compiled(text: str, name: str) -> Answer:
    """The mistakes of a text; where there is none, the emitted file.

    name: of the file, which the emitted text says.
    """
    document = _document(name, text)
    units = _Units(document)
    mistakes = [
        {
            "from": units.of(found.span.start),
            "to": units.of(found.span.end),
            "line": document.source.line_and_column(found.span.start)[0],
            "code": found.code,
            "title": found.title,
            "label": found.label,
            "text": found.text,
            "hint": found.hint,
        }
        for found in document.diagnostics
    ]
    model = document.model
    if model is None:
        return {"mistakes": mistakes, "python": None}
    python = render(compiler.plan_of(model, name))
    return {"mistakes": mistakes, "python": python}


def _resolved(text: str, name: str) -> Model:
    model = _document(name, text).model
    if model is None:
        raise Wrong("The program has a mistake, or no backbone.")
    return model


def drawn(text: str, name: str) -> Answer:
    """The picture, and the genome or why there is none."""
    model = _resolved(text, name)
    found: Answer = {"svg": draw.architecture(model, draw.heading(model))}
    try:
        found["genome"] = genome.write(genome.encode(_document(name, text).program))
    except StarError as error:
        found["none"] = _told(error.diagnostics[0])
    return found


def priced(text: str, name: str, context: int | None, dtype: str) -> Answer:
    """Parameters, cache bytes and FLOPs of each layer.

    context: tokens; None: the model's own.
    """
    model = _resolved(text, name)
    tokens = model.context if context is None else min(max(context, 1), 2**31)
    found = costs(model, tokens, DTYPES[dtype])
    pairs = zip(model.layers(), found.layers, strict=True)
    rows = [
        {
            "label": layer.label,
            "class": name_of(layer) if class_of(layer) != "parallel" else "parallel",
            "sharing": "; ".join(sharing(layer)),
            **_numbers(cost.total),
        }
        for layer, cost in pairs
    ]
    return {
        "context": tokens,
        "own": model.context,
        "rows": rows[:MOST_ROWS],
        "left_out": max(len(rows) - MOST_ROWS, 0),
        "total": _numbers(found.total),
        "bare": found.params_without_embeddings,
    }


def _numbers(cost: Cost) -> Answer:
    return {
        "params": cost.params,
        "cache": cost.cache_bytes,
        "prefill": round(cost.prefill_flops),
        "decode": round(cost.decode_flops),
    }


def tidied(text: str, name: str) -> Answer:
    """The text as `starc fmt` writes it, as far as it has no mistakes."""
    document = _document(name, text)
    return {"text": apply(document.source.text, formatting(document))}


# Help at a place ----------------------------------------------------------------------


def completed(text: str, name: str, at: int) -> Answer:
    """What may stand at a place."""
    document = _document(name, text)
    units = _Units(document)
    return {
        "items": [
            {
                "label": one.label,
                "kind": one.kind,
                "from": units.of(one.start),
                "text": one.text,
                "detail": one.detail,
                "about": one.about,
            }
            for one in completion.completions(document, units.back(at))
        ]
    }


def explained(text: str, name: str, at: int) -> Answer:
    """What the word at a place means, in Markdown; empty where nothing is to say."""
    document = _document(name, text)
    units = _Units(document)
    found = hover.hover(document, units.back(at))
    if found is None:
        return {}
    start, end = units.of(found.span.start), units.of(found.span.end)
    return {"from": start, "to": end, "about": found.about}


# Genomes ------------------------------------------------------------------------------


def decoded(integers: str, text: str, name: str) -> Answer:
    """The program that a genome spells, as wide as the one on the page."""
    read = genome.read(integers)
    model = _document(name, text).model
    program = genome.decode(read, name="decoded")
    if model is not None:
        program = genome.decode(
            read,
            width=model.width,
            vocab=model.vocab,
            context=model.context,
            name="decoded",
        )
    text = unparse(program)
    compiler.to_ir(text, "<decoded>")  # what is written compiles
    return {"text": text}


def mutated(text: str, name: str, seed: int) -> Answer:
    """The program after one legal mutation of the search, and what changed in words.

    Of the children that the search's own variation draws, the first with one change,
    else one with the fewest.
    """
    document = _document(name, text)
    before = _resolved(text, name)
    spec = _search(document)
    (_, candidate), *_ = spec.seeds
    found = min(_children(spec, candidate, Random(seed)), key=_size, default=None)
    if found is None:
        raise Wrong("No mutation of this program makes another one.")
    after = architecture.source(found.candidate, spec)
    searches = [i for i in document.program.items if isinstance(i, ast.Search)]
    after += "".join(f"\n{one.span.text}\n" for one in searches)
    changes = describe_changes(before, passes.run(compiler.to_ir(after, name)))
    return {
        "text": after,
        "changes": [change["words"] for change in found.changes],
        "diff": changes,
    }


def _children(spec: Spec, parent: Candidate, random: Random) -> Iterator[Proposal]:
    """Legal ones that are another architecture, up to the first with one change."""
    variation = Inheriting(spec)
    own = parent.key()
    for _ in range(DRAWS):
        child = variation.child((0, parent), (0, parent), random)
        if child.illegal or not child.changes or child.candidate.key() == own:
            continue
        yield child
        if _size(child) == 1:
            return


def _size(child: Proposal) -> int:
    return len(child.changes)


def _search(document: Document) -> Spec:
    """A search that starts from this program: its LIVs and the published ones."""
    program, alphabet = document.program, document.alphabet
    (block,) = (item for item in program.items if isinstance(item, ast.Backbone))
    named, text = _with_names(document, block)
    classes, _ = architecture.with_codes(alphabet, ())
    published = [meaning.liv.name for meaning in classes.values()]
    pool = dict.fromkeys([*named, *published])
    assert document.model is not None
    depth = sum(1 for _ in document.model.layers())
    text += (
        f"\nsearch {{\n  pool = [{', '.join(pool)}]\n  seeds = [backbone]\n"
        f"  depth = {depth}\n  trainer = simulated\n  minimize cache\n}}\n"
    )
    problems = Problems()
    spec = reading.read(Source(document.source.name, text), problems)
    if spec is None:
        raise Wrong(_told(problems.found[0]))
    return spec


def _with_names(document: Document, block: ast.Backbone) -> tuple[list[str], str]:
    """Every LIV that the backbone uses by name, and the text so written.

    A genome knows classes by name: `MHA(heads = 4)` is given one of its own, at the
    end, and search blocks are blank, so that lines are told as they are on the page.
    """
    text = document.source.text
    names: dict[str, str] = {}  # what stands there -> its name
    taken = {*document.alphabet.livs, *document.alphabet.featurizers}
    cuts: list[tuple[int, int, str]] = [
        (item.span.start, item.span.end, "\n" * item.span.text.count("\n"))
        for item in document.program.items
        if isinstance(item, ast.Search)
    ]
    for use in uses(block.body):
        end = use.liv.span.end
        if use.arguments:
            end = text.index(")", use.arguments[-1].span.end) + 1
        said = text[use.liv.span.start : end]
        if said not in names:
            names[said] = use.liv.text
            if use.arguments:
                names[said] = _free(use.liv.text, taken)
        cuts.append((use.liv.span.start, end, names[said]))
    for start, end, put in sorted(cuts, reverse=True):
        text = text[:start] + put + text[end:]
    made = (f"\nliv {name} = {said}" for said, name in names.items() if name != said)
    return list(dict.fromkeys(names.values())), f"{text}{''.join(made)}\n"


def _free(name: str, taken: set[str]) -> str:
    """A name like this one that nothing has: `mha`, `mha_2`."""
    plain = name.lower().replace("-", "_")
    found, number = plain, 2
    while found in taken:
        found, number = f"{plain}_{number}", number + 1
    taken.add(found)
    return found


ASKED: dict[str, Callable[..., Answer]] = {
    "compile": compiled,
    "draw": drawn,
    "costs": priced,
    "format": tidied,
    "complete": completed,
    "explain": explained,
    "decode": decoded,
    "mutate": mutated,
}
