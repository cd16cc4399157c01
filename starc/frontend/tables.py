"""The tables that lark makes of the grammar, as data: `grammar/tables.json`.

The only module that knows lark. `make golden` writes them anew; a test holds them to
the grammar.
"""

import json
import re
from typing import Any

from lark import Lark

from starc import resources
from starc.frontend.lalr import NAME
from starc.frontend.lines import END

ALWAYS = (
    *("NAME", "NUMBER", "RELATION", END, "COMMA", "COLON", "EQUAL"),
    *("LPAR", "RPAR", "LSQB", "RSQB", "LBRACE", "RBRACE"),
)
"""Words and brackets are read as such even where none may stand, so that the parser
sees the mistake."""


def parser(**more: Any) -> Lark:
    """Lark with our grammar; it takes 40 ms. more: what else it is told."""
    return Lark(
        resources.read("grammar", "star.lark"),
        parser="lalr",
        start="program",
        keep_all_tokens=True,
        maybe_placeholders=False,
        **more,
    )


def as_json() -> str:
    """What `lalr.tables` reads, a state a line."""
    found = _Tables()
    words = dict.fromkeys(found.words(state) for state in found.order)
    numbers = {pattern: number for number, pattern in enumerate(words)}
    states = [
        [numbers[found.words(state)], found.actions(state)] for state in found.order
    ]
    fields = [
        ("words", _lines(list(words))),
        ("keywords", json.dumps(found.keywords)),
        ("rules", _lines(found.rules)),
        ("last", json.dumps(found.order.index(found.last))),
        ("states", _lines(states)),
    ]
    inside = ",\n".join(f'"{name}": {text}' for name, text in fields)
    return f"{{\n{inside}\n}}\n"


def _lines(items: list[Any]) -> str:
    return "[\n" + ",\n".join(json.dumps(item) for item in items) + "\n]"


class _Tables:
    """States in the order in which a search from the first one meets them, so that
    they do not depend on the release of lark."""

    def __init__(self) -> None:
        self.lark = parser()
        table = self.lark.parse_interactive("").parser_state.parse_conf.parse_table
        self.states: dict[int, dict[str, Any]] = table.states
        self.last = table.end_states["program"]
        self.order = [table.start_states["program"]]
        for state in self.order:
            for _, (action, target) in sorted(self.states[state].items()):
                if action.name == "Shift" and target not in self.order:
                    self.order.append(target)
        self.rules = list(dict.fromkeys(r for s in self.order for r in self.reduced(s)))
        name = re.compile(_regexp(self.lark.get_terminal(NAME)))
        self.keywords = {
            terminal.pattern.value: terminal.name
            for terminal in sorted(self.lark.terminals, key=lambda one: one.name)
            if terminal.pattern.type == "str" and name.fullmatch(terminal.pattern.value)
        }

    def reduced(self, state: int) -> list[tuple[str, int, str]]:
        """The rules that may be complete in a state."""
        actions = sorted(self.states[state].items())
        return [self.rule(r) for _, (action, r) in actions if action.name == "Reduce"]

    def actions(self, state: int) -> dict[str, int]:
        return {
            symbol: (
                self.order.index(found)
                if action.name == "Shift"
                else ~self.rules.index(self.rule(found))
            )
            for symbol, (action, found) in sorted(self.states[state].items())
        }

    def words(self, state: int) -> str:
        """All that the lexer looks for in a state, in lark's order of precedence."""
        ignored = self.lark.ignore_tokens
        wanted = {*self.states[state], *ALWAYS, *ignored}
        wanted -= {*self.keywords.values()}
        terminals = [one for one in self.lark.terminals if one.name in wanted]
        terminals.sort(key=_precedence)
        return "|".join(
            f"(?{':' if one.name in ignored else f'P<{one.name}>'}{_regexp(one)})"
            for one in terminals
        )

    def rule(self, rule: Any) -> tuple[str, int, str]:
        name, size = rule.origin.name, len(rule.expansion)
        if name.startswith("_"):
            return name, size, "parts"
        if rule.options.expand1:
            assert size == 1, f"{name}: a rule with ? matches one thing"
            return name, size, "part"
        return name, size, "node"


def _precedence(terminal: Any) -> tuple[Any, ...]:
    """As lark's lexer sorts them."""
    pattern = terminal.pattern
    longest = -pattern.max_width, -len(pattern.value)
    return -terminal.priority, *longest, terminal.name


def _regexp(terminal: Any) -> str:
    return str(terminal.pattern.to_regexp())
