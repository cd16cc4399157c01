"""Which template realises a combination of structures, or which choice to change."""

from collections.abc import Mapping

from starc.alphabet.featurizers import FeaturizerGenome
from starc.alphabet.option import one_of
from starc.alphabet.template import Template
from starc.alphabet.templates import templates
from starc.diagnostics import Note, Problems
from starc.frontend import ast
from starc.source import Span

_FEATURIZER = {
    "features token": "token",
    "features nonlinear": "nonlinear",
    "features channel": "channel",
}


def match(
    item: ast.LivGenome,
    featurizer: FeaturizerGenome,
    words: dict[str, str],
    settings: dict[str, ast.Setting],
    problems: Problems,
) -> Template | None:
    """The template, or None with the problem added."""
    nearest: dict[str, Differences] = {}  # by title
    least: Differences = {}
    for template in templates():
        found = differences(template, featurizer, words)
        if not found:
            return template
        if not nearest or _distance(found) < _distance(least):
            nearest, least = {template.title: found}, found
        elif found.keys() == least.keys():  # as near, by another word
            nearest[template.title] = found
    choice = next(iter(least))
    wanted = dict.fromkeys(word for found in nearest.values() for word in found[choice])
    notes: tuple[Note, ...] = ()
    if choice in words:
        span = settings[choice].value.span if choice in settings else item.name.span
    else:
        span = settings["featurizer"].value.span
        place: Span = featurizer.span
        setting = featurizer.settings.get(_FEATURIZER.get(choice, choice))
        if setting is not None:
            place = setting.value.span
        notes = (Note(place, "this would have to change"),)
    problems.add(
        "no-template",
        "No template realises this combination",
        span,
        f"change {_name(choice)} to {one_of(wanted)}",
        f"The nearest that there is code for: {one_of(nearest)}.",
        _remedy(nearest, words),
        notes,
    )
    return None


Differences = dict[str, tuple[str, ...]]
"""Choice -> the words that the template would realise."""


def differences(
    template: Template, featurizer: FeaturizerGenome, words: dict[str, str]
) -> Differences:
    """What would have to change for the template to realise the combination."""
    found: Differences = {}
    groups, required = set(featurizer.groups), set(template.groups)
    if not required <= groups <= required | set(template.flags):
        found["groups"] = (f"[{', '.join(template.groups)}]",)
    for choice, realised in (
        ("token", (template.token,)),
        ("sparsity", template.sparsity),
        ("nonlinear", template.nonlinear),
        ("channel", (template.channel,)),
    ):
        if words[choice] not in realised:
            found[choice] = realised
    for choice, word, realised in (
        ("filter", featurizer.word("filter", "none"), (template.filter,)),
        (
            "features token",
            featurizer.word("token", "diagonal"),
            (*template.features_token, *(("shift",) if template.shifts else ())),
        ),
        (
            "features nonlinear",
            featurizer.word("nonlinear", "none"),
            template.features_nonlinear,
        ),
    ):
        if word not in realised:
            found[choice] = realised
    may = {feature.name for feature in template.features if feature.latent}
    if not {*template.features_latent} <= featurizer.latents.keys() <= may:
        found["features channel"] = (_channels(template, featurizer),)
    return found


def _channels(template: Template, featurizer: FeaturizerGenome) -> str:
    """`dense`, or `[dense, latent, latent]`: what the template would realise."""
    needed = template.features_latent
    words = ("latent" if g in needed else "dense" for g in featurizer.groups)
    return f"[{', '.join(words)}]" if needed else "dense"


def _remedy(nearest: Mapping[str, Differences], words: Mapping[str, str]) -> str:
    """What to write for each of the nearest, said once where one word is all."""
    first = next(iter(nearest.values()))
    if len(first) == 1:
        (choice,) = first
        alike = dict.fromkeys(w for found in nearest.values() for w in found[choice])
        return f"for that, write {_changes({choice: tuple(alike)}, words)}"
    if len(nearest) == 1:
        return f"for that, write {_changes(first, words)}"
    each = (f"for {t}, write {_changes(found, words)}" for t, found in nearest.items())
    return "; ".join(each)


def _changes(least: Differences, words: Mapping[str, str]) -> str:
    """`nonlinear = softmax, and in the featurizer groups = [q, k, v]`."""
    own: list[str] = []
    others: list[str] = []
    for choice, wanted in least.items():
        place = own if choice in words else others
        place.append(f"{_FEATURIZER.get(choice, choice)} = {one_of(wanted)}")
    inside = ["in the featurizer " + ", ".join(others)] if others else []
    return ", and ".join(([", ".join(own)] if own else []) + inside)


def _distance(found: Differences) -> float:
    """Another set of groups, or another token mixing, is another operator."""
    return len(found) + 0.6 * ("groups" in found) + 0.5 * ("token" in found)


def _name(choice: str) -> str:
    if choice in _FEATURIZER:
        return f"the featurizer's {_FEATURIZER[choice]}"
    return f"the featurizer's {choice}" if choice in ("groups", "filter") else choice
