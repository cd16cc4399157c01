"""Random programs, and random ways to write one program."""

import re

from hypothesis import strategies as st

from starc.frontend import ast
from starc.frontend.numbers import value_of
from starc.source import NOWHERE

KEYWORDS = (
    "model featurizer liv backbone search diff x weights from same as genes minimize "
    "maximize require parallel true false"
).split()


def names(*reserved: str) -> st.SearchStrategy[ast.Name]:
    """Words that may stand where those reserved have a meaning."""
    reserved += ("True", "False", "None")
    words = st.one_of(
        st.sampled_from(["a", "b1", "SA-3", "GConv-1-Diff", "k", "_", *KEYWORDS]),
        st.from_regex(
            r"[A-Za-z_][A-Za-z0-9_]{0,6}(-[A-Za-z0-9_]{1,4}){0,2}", fullmatch=True
        ),
    )
    allowed = words.filter(lambda word: word not in reserved)
    return allowed.map(lambda word: ast.Name(NOWHERE, word))


numbers = st.sampled_from(
    "0 1 12 -1 50_304 8/3 -8/3 1e6 1E-5 2.5 -0.5e+3 4K 130M 1.2B 007".split()
).map(lambda text: ast.Number(NOWHERE, value_of(text), text))

_plain = st.one_of(
    numbers,
    st.booleans().map(lambda value: ast.Bool(NOWHERE, value)),
    names("true", "false"),
)


def _lists(values: st.SearchStrategy) -> st.SearchStrategy:
    items = st.lists(values, max_size=4).map(tuple)
    settings = st.lists(
        st.builds(ast.Setting, st.just(NOWHERE), names(), values), max_size=3
    ).map(tuple)
    return st.one_of(
        st.builds(ast.List, st.just(NOWHERE), items),
        st.builds(ast.Call, st.just(NOWHERE), names("true", "false"), settings),
    )


values = st.recursive(_plain, _lists, max_leaves=6)


def settings(*reserved: str, most: int = 4) -> st.SearchStrategy:
    one = st.builds(ast.Setting, st.just(NOWHERE), names(*reserved), values)
    return st.lists(one, max_size=most).map(tuple)


_group = names("weights", "same", "genes")
clauses = st.one_of(
    st.builds(ast.WeightsFrom, st.just(NOWHERE), names()),
    st.builds(
        ast.FeaturesFrom,
        st.just(NOWHERE),
        st.lists(_group, min_size=1, max_size=3).map(tuple),
        names(),
    ),
    st.builds(ast.SameAs, st.just(NOWHERE), names()),
    st.builds(
        ast.Genes,
        st.just(NOWHERE),
        st.lists(numbers, min_size=1, max_size=4).map(tuple),
    ),
)
uses = st.builds(
    ast.Use,
    st.just(NOWHERE),
    st.none() | names(),
    names("parallel"),
    settings(most=3),
    st.lists(clauses, max_size=2).map(tuple),
)


def _blocks(steps: st.SearchStrategy) -> st.SearchStrategy:
    body = st.lists(steps, max_size=4).map(tuple)
    return st.one_of(
        st.builds(ast.Repeat, st.just(NOWHERE), numbers, body),
        st.builds(ast.Parallel, st.just(NOWHERE), body, settings(most=2)),
    )


steps = st.recursive(uses, _blocks, max_leaves=8)
goals = ("minimize", "maximize", "require")
items = st.one_of(
    st.builds(ast.Model, st.just(NOWHERE), st.none() | names(), settings()),
    st.builds(ast.Featurizer, st.just(NOWHERE), names(), settings()),
    st.builds(ast.LivGenome, st.just(NOWHERE), names(), settings()),
    st.builds(ast.LivDiff, st.just(NOWHERE), names(), names(), settings(most=2)),
    st.builds(ast.LivAlias, st.just(NOWHERE), names(), names("diff"), settings(most=3)),
    st.builds(ast.Backbone, st.just(NOWHERE), st.lists(steps, max_size=5).map(tuple)),
    st.builds(
        ast.Search,
        st.just(NOWHERE),
        settings(*goals),
        st.lists(
            st.builds(
                ast.Objective,
                st.just(NOWHERE),
                st.sampled_from(goals[:2]),
                st.lists(names(), min_size=1, max_size=3).map(tuple),
            ),
            max_size=2,
        ).map(tuple),
        st.lists(
            st.builds(
                ast.Require,
                st.just(NOWHERE),
                names(),
                st.sampled_from(["<=", ">=", "<", ">", "=="]),
                numbers,
                st.sampled_from(["", "s", "ms", "us"]),
            ),
            max_size=2,
        ).map(tuple),
    ),
)
programs = st.builds(
    ast.Program, st.just(NOWHERE), st.lists(items, max_size=5).map(tuple)
)

_PLACE = re.compile(r"\n *|, |[(\[{]|[)\]}]| = ")


@st.composite
def rewritten(draw: st.DrawFn, text: str) -> str:
    """The text with other line ends, empty lines, and comments wherever they may be."""
    depth, count = 0, 0

    def comment() -> str:
        nonlocal count
        count += 1
        return f"# {count} {draw(st.sampled_from(['', '{', ')', 'a = 1; b', '#']))}\n"

    def change(place: re.Match[str]) -> str:
        nonlocal depth
        found = place.group()
        depth += (found in "([") - (found in ")]")
        kind = draw(st.integers(0, 9))
        if found.startswith("\n"):
            semicolons = [" ; ", "\t;\n"] if not depth else [" ", "\t"]
            ends = ["\n", "\n\n\n", *semicolons, " ", "\r\n"]
            if kind >= 6:
                return ("\n" if kind % 2 else "   ") + comment()
            if kind == 4:
                following = text[place.end() : place.end() + 1]
                return (
                    " " if following == "}" or text[place.start() - 1] == "{" else "\n"
                )
            return ends[kind]
        if depth and found not in ")]}" and kind < 3:
            return (
                found.rstrip() + ["\n", " ", " \n\n"][kind] + (comment() * (kind != 2))
            )
        return found

    return _PLACE.sub(change, text)
