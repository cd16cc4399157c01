"""From a candidate to its syntax tree and IR, without writing and reading text."""

import re
from dataclasses import dataclass, replace
from functools import cache, lru_cache

from starc import passes
from starc.alphabet import Alphabet, Stream, build_operator, extend, prelude
from starc.alphabet.alphabet import Meaning
from starc.alphabet.option import Givens
from starc.artefacts import ArtefactError
from starc.choices import OPTIONAL_PASSES
from starc.diagnostics import Diagnostic, Problems, StarError
from starc.evolve.problem.candidate import Candidate, Parameters, Value
from starc.evolve.problem.spec import Spec
from starc.frontend import ast
from starc.frontend.parse import parse
from starc.frontend.unparse import unparse
from starc.genome import Classes, Genome, canonical, decode, legality, write
from starc.ir.identity import structure
from starc.ir.nodes import Written
from starc.lower import lower
from starc.lower.model import read_model
from starc.source import NOWHERE, Source

FIRST_CODE = 101
"""For classes of the pool that have no code of their own: only this search has it."""


@dataclass(frozen=True)
class Surroundings:
    """What all candidates of a search have in common.

    classes: by gene 1, those of the pool without a published code included.
    pool: their codes. stated: what an alias of the pool says already, by code.
    published: codes that mean the same outside of this search.
    """

    alphabet: Alphabet
    classes: Classes
    pool: tuple[int, ...]
    stated: dict[int, Givens]
    model: ast.Model
    definitions: tuple[ast.Item, ...]
    stream: Stream
    vocab: int
    published: frozenset[int]

    def code(self, name: str) -> int:
        """Gene 1 of a class by its name."""
        return next(c for c, liv in self.classes.items() if liv.name == name)


def surroundings(spec: Spec) -> Surroundings:
    return _surroundings(spec.name, spec.model, spec.definitions, spec.pool)


def check(spec: Spec) -> None:
    """ArtefactError where a spec that was stored describes no search of this starc."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", spec.name):
        raise ArtefactError("spec.name is no name of a model")
    known = prelude().livs
    try:
        if unknown := set(spec.pool) - set(known) - _own_names(spec.definitions):
            raise ArtefactError(f"spec.pool: there is no LIV {min(unknown)!r}")
        surroundings(spec)
    except StarError as error:
        first = error.diagnostics[0]
        raise ArtefactError(f"spec: {first.title}: {first.code}") from None


def _own_names(definitions: str) -> set[str]:
    problems = Problems()
    items = parse(Source("<search>", definitions), problems).items
    problems.check()
    kinds = (ast.LivGenome, ast.LivDiff, ast.LivAlias, ast.Featurizer)
    if not all(isinstance(item, kinds) for item in items):
        raise ArtefactError("spec.definitions hold more than LIVs and featurizers")
    return {item.name.text for item in items if isinstance(item, kinds)}


@lru_cache(maxsize=64)
def _surroundings(
    name: str,
    model: tuple[tuple[str, str], ...],
    definitions: str,
    pool: tuple[str, ...],
) -> Surroundings:
    lines = "".join(f"  {key} = {value}\n" for key, value in model)
    text = f"model {name} {{\n{lines}}}\n{definitions}"
    problems = Problems()
    program = parse(Source("<search>", text), problems)
    alphabet = extend(prelude(), program, problems)
    problems.check()
    block, *rest = program.items
    assert isinstance(block, ast.Model)
    settings = read_model(block, frozenset(), problems)
    problems.check()
    assert settings is not None and settings.stream is not None
    classes, codes = with_codes(alphabet, pool)
    return Surroundings(
        alphabet,
        {code: meaning.liv for code, meaning in classes.items()},
        codes,
        {code: meaning.stated for code, meaning in classes.items()},
        block,
        tuple(rest),
        settings.stream,
        settings.model((), NOWHERE).vocab,
        frozenset(with_codes(alphabet, ())[0]),
    )


def with_codes(
    alphabet: Alphabet, pool: tuple[str, ...]
) -> tuple[dict[int, Meaning], tuple[int, ...]]:
    """The classes by code, and the codes of the pool.

    Names of the pool that no published code stands for, as of aliases, get one here.
    """
    found: dict[int, Meaning] = {}
    for meaning in alphabet.livs.values():
        if meaning is not None and not meaning.alias and meaning.liv.code is not None:
            found[meaning.liv.code] = meaning
    codes, free = [], max([FIRST_CODE, *(code + 1 for code in found)])
    for name in dict.fromkeys(pool):
        meaning = alphabet.livs[name]
        assert meaning is not None
        code = meaning.liv.code
        if code is None or meaning.alias:
            code, free = free, free + 1
            liv = replace(meaning.liv, name=name, code=code)
            found[code] = replace(meaning, liv=liv)
        codes.append(code)
    return dict(sorted(found.items())), tuple(codes)


def program_of(candidate: Candidate, spec: Spec) -> ast.Program:
    """The whole .star file as a tree. Raises StarError where the genome is illegal."""
    around = surroundings(spec)
    arguments = tuple(_settings(of_liv) for of_liv in candidate.parameters)
    found = decode(candidate.genome, classes=around.classes, arguments=arguments)
    _, backbone = found.items
    model = _model_block(around, candidate.model)
    # On top decode says the genome: codes that only this search has say nothing there.
    ours = any(code not in around.published for code, *_ in candidate.genome)
    comments = () if ours else found.comments
    items = (model, *around.definitions, backbone)
    return replace(found, items=items, comments=comments)


def _model_block(around: Surroundings, chosen: Parameters) -> ast.Model:
    """The model block of a candidate that chose these settings."""
    genes = _settings(chosen)
    names = {gene.name.text for gene in genes}
    kept = [s for s in around.model.settings if s.name.text not in names]
    return replace(around.model, settings=(*kept, *genes))


def genome(candidate: Candidate, spec: Spec) -> Genome | None:
    """As others can read it: canonical; None where a LIV has no published code.

    One that is illegal, which has no canonical spelling, is as it is.
    """
    around = surroundings(spec)
    if any(code not in around.published for code, *_ in candidate.genome):
        return None
    if legality(candidate.genome, around.classes):
        return candidate.genome
    return canonical(candidate.genome)


def genome_text(candidate: Candidate, spec: Spec) -> str:
    """`21211-31112`, or `-` where it has none that others can read."""
    found = genome(candidate, spec)
    return "-" if found is None else write(found)


def source(candidate: Candidate, spec: Spec) -> str:
    """The readable .star text, canonical. Raises StarError where it is illegal."""
    return unparse(program_of(candidate, spec))


@lru_cache(maxsize=4096)
def _settings(parameters: Parameters) -> tuple[ast.Setting, ...]:
    return tuple(
        ast.Setting(NOWHERE, ast.Name(NOWHERE, name), _node(value))
        for name, value in parameters
    )


def _node(value: Value) -> ast.Value:
    """The value as the language writes it."""
    text = in_words(value)
    (block,) = parse(Source("<value>", f"model {{ x = {text} }}"), Problems()).items
    assert isinstance(block, ast.Model)
    return block.settings[0].value


def in_words(value: Value) -> str:
    """`true`, `50_304`, `8/3`."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def to_ir(candidate: Candidate, spec: Spec) -> Written:
    """The model as written, before any pass. Raises StarError."""
    problems = Problems()
    model = lower(program_of(candidate, spec), surroundings(spec).alphabet, problems)
    problems.check()
    assert model is not None
    return model


def buildable(code: int, parameters: Parameters, model: Parameters, spec: Spec) -> bool:
    """Whether a LIV of this class can have these parameters together.

    model: what the candidate says of the model block, as its positions.
    """
    if not parameters and not model:
        return code in surroundings(spec).classes  # whoever read the spec tried it
    return misfit(code, parameters, model, spec) is None


def misfit(
    code: int, parameters: Parameters, model: Parameters, spec: Spec
) -> Diagnostic | None:
    """The first reason why it cannot, of generated text."""
    of = spec.name, spec.model, spec.definitions, spec.pool
    return _misfit(*of, code, parameters, model)


@cache
def _misfit(
    name: str,
    model: tuple[tuple[str, str], ...],
    definitions: str,
    pool: tuple[str, ...],
    code: int,
    parameters: Parameters,
    genes: Parameters,
) -> Diagnostic | None:
    from starc.alphabet import read_arguments

    around, problems = _surroundings(name, model, definitions, pool), Problems()
    liv, stated = around.classes[code], around.stated[code]
    given = read_arguments(_settings(parameters), liv, stated, problems)
    if not problems:
        settings = read_model(_model_block(around, genes), frozenset(), problems)
        assert settings is not None and settings.stream is not None
        build_operator(liv, given, NOWHERE, settings.stream, problems)
    return next(iter(problems), None)


def function(model: Written) -> str:
    """sha256 of what a model computes: of its structure, labels and names apart.

    Two candidates of one function differ in spelling only. The model is as written.
    """
    return structure(passes.run(model, frozenset(OPTIONAL_PASSES))).digest
