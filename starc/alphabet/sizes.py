"""What a featurizer says of its groups, and what that means for a template."""

from starc.alphabet.featurizers import FeaturizerGenome
from starc.alphabet.option import Quantity, one_of, read
from starc.alphabet.template import Template
from starc.diagnostics import Problems


def repeat_of(
    template: Template, featurizer: FeaturizerGenome, problems: Problems
) -> int:
    """Copies of k and v across the heads of q."""
    if featurizer.repeat is None:
        return 1
    numbers = dict(zip(featurizer.groups, featurizer.repeat, strict=True))
    repeated = {numbers.pop(group) for group in template.repeat} or {1}
    if set(numbers.values()) <= {1} and len(repeated) == 1:
        (repeat,) = repeated
        assert isinstance(repeat, int)
        return repeat
    which = " and ".join(template.repeat)
    label = f"only {which} repeat, and alike" if which else "its groups do not repeat"
    _unlike("repeat", featurizer, template, label, problems)
    return 1


def expansions(
    template: Template, featurizer: FeaturizerGenome, problems: Problems
) -> dict[str, Quantity]:
    """Option -> the value that `expand` gives it: channels, or states per channel."""
    found: dict[str, Quantity] = {}
    for group, number in zip(
        featurizer.groups, featurizer.expand or (), strict=featurizer.expand is not None
    ):
        name = template.expand[group]
        if not name:
            if number != 1:
                label = f"{group} has 1"
                _unlike("expand", featurizer, template, label, problems)
                return {}
        elif found.setdefault(name, number) != number:
            alike = [g for g, option in template.expand.items() if option == name]
            label = f"{', '.join(alike)} have one and the same"
            _unlike("expand", featurizer, template, label, problems)
            return {}
    for name, value in found.items():
        option = template.by_name[name]
        fits = option.type != "whole" or isinstance(value, int)
        if isinstance(value, str) or not (fits and option.low <= value <= option.high):
            label = f"here it sets {name}: {option.takes}"
            _unlike("expand", featurizer, template, label, problems)
            return {}
    return found


def sources(
    template: Template, featurizer: FeaturizerGenome, problems: Problems
) -> dict[str, Quantity]:
    """Option -> the value that `source` gives it: a word."""
    found: dict[str, Quantity] = {}
    options = {feature.name: feature.source for feature in template.features}
    for group, word in zip(
        featurizer.groups, featurizer.source or (), strict=featurizer.source is not None
    ):
        name = options[group]
        label = ""
        if not name:
            label = f"{group} is of the input" if word != "input" else ""
        elif word not in template.by_name[name].choices:
            label = f"{group} is of {one_of(template.by_name[name].choices)}"
        elif found.setdefault(name, word) != word:
            alike = [g for g, option in options.items() if option == name]
            label = f"{', '.join(alike)} have one and the same"
        if label:
            _unlike("source", featurizer, template, label, problems)
            return {}
    return found


def latents(
    template: Template, featurizer: FeaturizerGenome, problems: Problems
) -> dict[str, Quantity]:
    """Option -> the rank that `latent(rank = ...)` of its groups gives it."""
    found: dict[str, Quantity] = {}
    options = {feature.name: feature.latent for feature in template.features}
    for group, written in featurizer.latents.items():
        option = template.by_name[options[group]]
        stated = written.arguments.get("rank")
        if stated is None and option.default is not None:
            problems.add(
                "missing-parameter",
                "`latent` needs its `rank`",
                written.span,
                f"no rank for {group}",
                option.sentence,
                "write latent(rank = 512)",
            )
            return {}
        if stated is None:
            continue
        value = read(option, stated.value, problems)
        if value is None:
            return {}
        if found.setdefault(option.name, value) != value:
            alike = [g for g, name in options.items() if name == option.name]
            label = f"{', '.join(alike)} are made of one latent"
            _unlike("channel", featurizer, template, label, problems)
            return {}
    return found


def _unlike(
    name: str,
    featurizer: FeaturizerGenome,
    template: Template,
    label: str,
    problems: Problems,
) -> None:
    problems.add(
        "no-template",
        "No template realises this featurizer",
        featurizer.settings[name].value.span,
        f"{template.title}: {label}",
        f"There is no code for groups of such a `{name}`.",
        f"change `{name}` of {featurizer.name}",
    )
