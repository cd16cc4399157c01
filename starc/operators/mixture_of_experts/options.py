"""MoE: experts of a gated linear unit, tokens apart."""

from dataclasses import replace
from fractions import Fraction

from starc.alphabet import common
from starc.alphabet.option import Option
from starc.alphabet.resolved_options import ResolvedOptions
from starc.alphabet.template import Feature, Template
from starc.numerals import counted
from starc.operators.mixture_of_experts.operator import MixtureOfExperts

MOST_EXPERTS = 4096
ACTIVATIONS = ("silu", "gelu", "relu")


def build(options: ResolvedOptions) -> MixtureOfExperts:
    experts, top = options.whole("experts"), options.whole("top")
    groups, keep = options.whole("groups"), options.whole("keep")
    if experts % groups:
        raise options.fail(
            "does-not-divide",
            "Experts do not divide into groups",
            "groups",
            f"{counted(experts, 'expert')} in {counted(groups, 'group')}",
            "Groups of experts are equally large.",
            other="experts",
        )
    if keep > groups:
        raise options.fail(
            "out-of-range",
            "More groups of experts kept than there are",
            "keep",
            f"{keep} of {groups}",
            f"{options.name} has {counted(groups, 'group')} of "
            f"{counted(experts // groups, 'expert')}.",
            other="groups",
        )
    choice = keep * (experts // groups)
    if top > choice:
        raise options.fail(
            "out-of-range",
            "More experts chosen than there are",
            "top",
            f"{top} of {choice}",
            f"A token of {options.name} chooses `top` of "
            + counted(choice, "expert")
            + ("." if groups == 1 else " kept."),
            other="experts" if groups == 1 else "keep",
        )
    return MixtureOfExperts(
        width=options.width,
        hidden=common.hidden(options),
        experts=experts,
        top=top,
        activation=options.word("activation"),
        gated=options.flag("gate"),
        scores=options.word("scores"),
        normalised=options.flag("normalised"),
        balance=options.word("balance"),
        balance_weight=float(options.exact("balance_weight")),
        groups_of_experts=groups,
        keep=keep,
        scale=float(options.exact("scale")),
    )


TEMPLATE = Template(
    kind="mixture_of_experts",
    title="mixture of experts",
    stem="moe",
    colour="#a7aab8",
    legend="mixture of experts",
    features=(
        Feature("router", "", ("experts",)),
        Feature("gate", "expand", (), flag="gate"),
        Feature("up", "expand", ()),
    ),
    token="diagonal",
    sparsity=("routed",),
    channel="dense",
    nonlinear=ACTIVATIONS,
    nonlinear_option="activation",
    operator=MixtureOfExperts,
    build=build,
    conflicts=(("hidden", None, "expand"),),
    options=(
        Option("experts", "whole", "experts to choose from", 8, high=MOST_EXPERTS),
        Option("top", "whole", "experts that a token takes", 2, high=MOST_EXPERTS),
        replace(common.HIDDEN, meaning="channels of an expert"),
        replace(
            common.EXPAND_HIDDEN,
            meaning="channels of an expert over the width of the model",
            assumption="",
        ),
        Option(
            "activation",
            "word",
            "what gate goes through; gelu is the tanh form",
            "silu",
            choices=ACTIVATIONS,
        ),
        Option(
            "gate",
            "flag",
            "activation(gate) * up; false: activation(up), without a gate",
            True,
            field="gated",
        ),
        Option(
            "scores",
            "word",
            "what makes scores of the router's numbers",
            "softmax",
            choices=("softmax", "sigmoid"),
        ),
        Option(
            "normalised", "flag", "the scores of the chosen are made to sum to 1", True
        ),
        Option(
            "scale",
            "number",
            "what all experts are multiplied with",
            1,
            low=1e-3,
            high=1e3,
        ),
        Option(
            "balance",
            "word",
            "what keeps the experts equally busy in training: a bias on the choice, "
            "moved after each step, or a term of the loss",
            "bias",
            choices=("bias", "loss", "none"),
        ),
        Option(
            "balance_weight",
            "number",
            "of that term of the loss",
            Fraction(1, 100),
            low=1e-6,
            high=1e3,
        ),
        Option(
            "groups",
            "whole",
            "equal groups of experts, of which a token keeps the best",
            1,
            high=MOST_EXPERTS,
            field="groups_of_experts",
        ),
        Option("keep", "whole", "groups that a token keeps", 1, high=MOST_EXPERTS),
    ),
)
