"""Labels: what they may be called, and which one is whose."""

import re
from collections.abc import Iterator
from keyword import iskeyword

from starc.diagnostics import Note, Problems
from starc.frontend import ast

MODULE_ATTRIBUTES = frozenset("""
    T_destination add_module append apply bfloat16 buffers call_super_init children
    compile cpu cuda double dump_patches eval extend extra_repr float forward get_buffer
    get_extra_state get_parameter get_submodule half insert ipu load_state_dict modules
    mtia named_buffers named_children named_modules named_parameters parameters pop
    register_backward_hook register_buffer register_forward_hook
    register_forward_pre_hook register_full_backward_hook
    register_full_backward_pre_hook register_load_state_dict_post_hook
    register_load_state_dict_pre_hook register_module register_parameter
    register_state_dict_post_hook register_state_dict_pre_hook requires_grad_
    set_extra_state set_submodule share_memory state_dict to to_empty train training
    type xpu zero_grad
    """.split())
"""Of torch.nn.Sequential: a LIV of this name would hide the method."""

MODEL_ATTRIBUTES = frozenset("""
    cache config embedding generate head layers new_cache norm post_norm shared
    """.split())
"""What the emitted model and its layers call their own parts."""

_LABEL = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")


def is_reserved(word: str) -> bool:
    """Whether a part of the emitted file could not be called so."""
    return iskeyword(word) or word in MODULE_ATTRIBUTES or word in MODEL_ATTRIBUTES


def uses(body: tuple[ast.Step, ...]) -> Iterator[ast.Use]:
    """Every LIV of the text, in its order."""
    for step in body:
        if isinstance(step, ast.Use):
            yield step
        elif isinstance(step, (ast.Repeat, ast.Parallel)):
            yield from uses(step.body)


def collect_labels(backbone: ast.Backbone, problems: Problems) -> dict[str, ast.Name]:
    """Each label and the place where it stands. Bad and repeated ones are told."""
    found: dict[str, ast.Name] = {}
    for use in uses(backbone.body):
        label = use.label
        if label is None:
            continue
        if label.text in found:
            problems.add(
                "duplicate-label",
                "Two LIVs with one label",
                label.span,
                "this label is taken",
                "A label names one LIV of the backbone.",
                "choose another label",
                (Note(found[label.text].span, "the first one"),),
            )
            continue
        found[label.text] = label
        _check(label, problems)
    return found


def _check(label: ast.Name, problems: Problems) -> None:
    if is_reserved(label.text):
        problems.add(
            "reserved-label",
            "A reserved label",
            label.span,
            "this word has a meaning in the emitted file",
            "Labels become names of modules there: no keyword of Python, method of "
            "torch.nn.Module, or part of the model may be one.",
            f"write {label.text}_1",
        )
    elif not _LABEL.fullmatch(label.text):
        problems.add(
            "bad-name",
            "This cannot be a label",
            label.span,
            "not an identifier",
            "A label is letters, digits and `_`, at most 80, and begins with a letter.",
            "write " + (re.sub(r"\W", "_", label.text[:80]).lstrip("_") or "c1"),
        )
