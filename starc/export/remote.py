"""A Hugging Face folder with its own modeling file, for `trust_remote_code=True`."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from symtable import SymbolTable, symtable

from starc import __version__
from starc.backend import templates
from starc.backend.emission import number
from starc.backend.plan import Plan
from starc.backend.tidy import tidy
from starc.export.architecture import Architecture, growth
from starc.ir.residual import Norm
from starc.values import dataclass
from starc.zoo.arrays import Output

TRANSFORMERS = "5.24.0"
"""The release that the tests load folders with; its words are used here."""

WEIGHTS = "model.safetensors"

NAMES = {
    "vocab": "vocab_size",
    "width": "hidden_size",
    "context": "max_position_embeddings",
    "hidden": "intermediate_size",
    "window": "sliding_window",
    "experts": "num_experts",
    "top": "num_experts_per_tok",
}
"""What transformers and tools around it call our numbers."""

OF_ATTENTION = {"heads": "num_attention_heads", "kv_heads": "num_key_value_heads"}
"""The same where the heads are those of attention."""

ODD_NAMES = ("reformer", "minimax", "xlnet", "rwkv", "xlstm")
"""Parts of class names by which transformers knows models with caches of their own."""


@dataclass(frozen=True)
class Folder:
    """What the templates of `templates/hf/` show, and the files beside them."""

    architecture: Architecture

    @property
    def module(self) -> str:
        return self.architecture.name

    @property
    def model_type(self) -> str:
        """Never one of transformers' own."""
        return f"starc_{self.module}"

    @property
    def plan(self) -> Plan:
        """The emitted file's, with blocks, or LIVs where there are none, that can be
        computed again in the backward pass."""
        plan = self.architecture.plan

        def again(lines: tuple[str, ...]) -> tuple[str, ...]:
            first, *rest = lines
            return first.replace("(nn.Module)", "(GradientCheckpointingLayer)"), *rest

        embedded, *forward = plan.forward  # embeddings may be given instead
        assert "self.embedding(tokens)" in embedded
        plan = replace(plan, forward=tuple(forward))
        if plan.blocks:
            return replace(plan, blocks=tuple(again(lines) for lines in plan.blocks))
        classes = tuple(replace(c, lines=again(c.lines)) for c in plan.classes)
        return replace(plan, classes=classes)

    @property
    def scale(self) -> str:
        """The factor of the embeddings; "": 1."""
        scale = self.architecture.model.embedding_scale
        return "" if scale == 1 else number(scale)

    @property
    def no_split(self) -> str:
        plan = self.architecture.plan
        lines = plan.blocks or tuple(one.lines for one in plan.classes)
        names = [re.findall(r"\w+", block[0])[1] for block in lines]
        return str(names).replace("'", '"')

    @property
    def float32(self) -> str:
        """The tensors that stay in float32, as a list."""
        found = [*self.architecture.float32()]
        return str(found).replace("'", '"') if found else ""

    @property
    def shared(self) -> str:
        """Names of states that all rows of a batch have in common, as a tuple."""
        found = {
            state.name
            for liv in self.architecture.mixers()
            for state in liv.operator.all_state(1)
            if not state.per_sequence
        }
        quoted = [f'"{name}"' for name in sorted(found)]
        return (
            f"({', '.join(quoted)}{',' if len(quoted) == 1 else ''})" if found else ""
        )

    @property
    def by_token(self) -> bool:
        """Whether layers read the tokens themselves, and not the embeddings alone."""
        return bool(self.architecture.model.embedded())

    @property
    def linear(self) -> bool:
        """Whether transformers' own layers of its cache would count no tokens."""
        kinds = {state.layer_type for state in self.architecture.states()}
        return bool(kinds) and kinds <= {"linear_attention", "conv"}

    @property
    def odd_name(self) -> bool:
        name = self.architecture.plan.model.lower()
        return any(odd in name for odd in ODD_NAMES)

    # The configuration.

    @property
    def names(self) -> dict[str, str]:
        """Our names -> transformers', of the numbers that the modeling file reads."""
        there = {a.name for a in self.architecture.plan.numbers}
        there |= {"vocab", "width", "context"}
        attends = any(growth(m.operator)[0] for m in self.architecture.mixers())
        known = {**NAMES, **(OF_ATTENTION if attends else {})}
        found = {ours: theirs for ours, theirs in known.items() if ours in there}
        return {**found, "eps": _eps(self.architecture.model.norm)}

    @property
    def numbers(self) -> dict[str, tuple[str, int | float]]:
        """Name -> type and value, in transformers' words where it has some."""
        model = self.architecture.model
        ours: dict[str, tuple[str, int | float]] = {
            "vocab": ("int", model.vocab),
            "width": ("int", model.width),
            "context": ("int", model.context),
        }
        if model.streams is not None:
            ours["streams"] = "int", model.streams.count
        ours |= {a.name: (a.type, a.value) for a in self.architecture.plan.numbers}
        ours["eps"] = "float", model.norm.eps
        found = {self.names.get(name, name): one for name, one in ours.items()}
        if "num_attention_heads" in found and "num_key_value_heads" not in found:
            found["num_key_value_heads"] = found["num_attention_heads"]
        return found

    @property
    def fields(self) -> Iterator[str]:
        for name, (kind, value) in self.numbers.items():
            yield f"{name}: {kind} = {number(value)}"
        yield f"num_hidden_layers: int = {len([*self.architecture.states()])}"
        yield f"tie_word_embeddings: bool = {self.architecture.model.tied}"
        yield "use_cache: bool = True"
        for token in ("bos", "eos", "pad"):
            yield f"{token}_token_id: int | list[int] | None = None"

    def config(self, dtype: str, ids: dict[str, int]) -> dict[str, object]:
        """config.json."""
        model, name = self.architecture.model, self.architecture.plan.model
        states = [*self.architecture.states()]
        found: dict[str, object] = {
            "architectures": [f"{name}ForCausalLM"],
            "auto_map": {
                "AutoConfig": f"configuration_{self.module}.{name}Config",
                "AutoModel": f"modeling_{self.module}.{name}Model",
                "AutoModelForCausalLM": f"modeling_{self.module}.{name}ForCausalLM",
            },
            "model_type": self.model_type,
            **{name: value for name, (_, value) in self.numbers.items()},
            "num_hidden_layers": len(states),
            "layer_types": [state.layer_type for state in states],
            "tie_word_embeddings": model.tied,
            "use_cache": True,
            "dtype": dtype,
            **ids,
            "transformers_version": TRANSFORMERS,
            "starc_version": __version__,
            "star_sha256": sha256(self.architecture.source.text.encode()).hexdigest(),
        }
        if any(state.shared for state in states):
            found["kv_sharing_modes"] = [
                "reuse" if state.shared else "store" for state in states
            ]
        windows = {i: s.window for i, s in enumerate(states) if s.window}
        if windows and "sliding_window" not in found:
            found["sliding_window"] = max(windows.values())
            found["per_layer_config"] = {
                str(i): {"sliding_window": window}
                for i, window in windows.items()
                if window != found["sliding_window"]
            }
        return found

    def files(self, dtype: str, ids: dict[str, int]) -> dict[str, str]:
        """Name -> text of all files but the weights, the card and the tokenizer."""
        plan = self.plan
        context: dict[str, object] = {"plan": plan, "hf": self}
        whole = templates.render("hf/modeling.py.j2", context)
        imports = tuple(_read_of(plan.imports, whole))
        fitting = {"plan": replace(plan, imports=imports), "hf": self}
        generation = {
            "_from_model_config": True,
            **ids,
            "transformers_version": TRANSFORMERS,
        }
        source = self.architecture.source.text
        return {
            f"configuration_{self.module}.py": tidy(
                templates.render("hf/configuration.py.j2", context)
            ),
            f"modeling_{self.module}.py": tidy(
                templates.render("hf/modeling.py.j2", fitting)
            ),
            "config.json": as_json(self.config(dtype, ids)),
            "generation_config.json": as_json(generation),
            f"{self.module}.star": source,
        }


def _eps(norm: Norm) -> str:
    return "rms_norm_eps" if norm.kind == "rms" else "layer_norm_eps"


def _read_of(imports: tuple[str, ...], text: str) -> Iterator[str]:
    """The imports of the emitted file as far as this text reads their names."""
    eager = text.replace("from __future__ import annotations\n", "")  # types count too
    names = {*_globals(symtable(eager, "", "exec"))}
    for line in imports:
        head, of, found = line.rpartition("import ")
        read = [name for name in found.split(", ") if name in names]
        if read:
            yield f"{head}{of}{', '.join(read)}"


def _globals(table: SymbolTable) -> Iterator[str]:
    """The names that are read in it of those of the module."""
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (
            table.get_type() == "module" or symbol.is_global()
        ):
            yield symbol.get_name()
    for child in table.get_children():
        yield from _globals(child)


def as_json(value: object) -> str:
    return json.dumps(value, indent=2) + "\n"


def tensor_name(ours: str) -> str:
    """The emitted model's name of a tensor -> the modeling file's."""
    match ours:
        case "head.weight":
            return "lm_head.weight"
        case "head.bias" | "head_bias.weight":
            return "lm_head.bias"
        case _:
            return f"model.{ours}"


DTYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}


def dtype_of(outputs: dict[str, Output]) -> str:
    """Of the embedding, which says it for the model."""
    return DTYPES[outputs["embedding.weight"].kind]
