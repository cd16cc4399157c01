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
ACTIVATIONS = ("silu", "gelu", "gelu_erf", "relu", "relu2")


def build(options: ResolvedOptions) -> MixtureOfExperts:
    experts, top = options.whole("experts"), options.whole("top")
    groups, keep = options.whole("groups"), options.whole("keep")
    every = experts + options.whole("zero")
    if every % groups:
        raise options.fail(
            "does-not-divide",
            "Experts do not divide into groups",
            "groups",
            f"{counted(every, 'expert')} in {counted(groups, 'group')}",
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
            f"{counted(every // groups, 'expert')}.",
            other="groups",
        )
    choice = keep * (every // groups)
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
    latent, width = options.whole("latent"), options.width
    common.check_latent(options, "latent", latent, width, "the token")
    _check_unit(options)
    _check_scores(options)
    return MixtureOfExperts(
        width=width,
        bias=options.flag("bias"),
        out_bias=options.flag("out_bias"),
        bias_except=options.bias_except("router"),
        hidden=common.hidden(options),
        experts=experts,
        top=top,
        activation=options.word("activation"),
        gated=options.flag("gate"),
        limit=float(options.exact("limit")),
        alpha=float(options.exact("alpha")),
        up_offset=float(options.exact("up_offset")),
        latent=latent,
        zero=options.whole("zero"),
        near=float(options.exact("near")),
        sum_eps=float(options.exact("sum_eps")),
        scores=options.word("scores"),
        normalised=options.flag("normalised"),
        balance=options.word("balance"),
        balance_weight=float(options.exact("balance_weight")),
        groups_of_experts=groups,
        keep=keep,
        scale=float(options.exact("scale")),
    )


def _check_unit(options: ResolvedOptions) -> None:
    """Words of a gated unit, and of silu."""
    if options.whole("zero") and options.whole("latent"):
        raise options.fail(
            "conflicting-settings",
            "`zero` contradicts `latent`",
            "zero",
            "give back what the experts of a latent do not read",
            "Experts of a latent read and write a projection of the token.",
            "leave out one of the two",
            "latent",
        )
    for name in ("limit", "up_offset", "alpha"):
        if not options.flag("gate") and name in options.stated:
            raise options.fail(
                "conflicting-settings",
                f"`{name}` contradicts `gate = false`",
                name,
                "is of gate and up",
                "It says what is done to gate and up before they are multiplied.",
                f"leave out `gate = false`, or `{name}`",
                "gate",
            )
    activation = options.word("activation")
    if options.exact("alpha") != 1 and activation != "silu":
        raise options.fail(
            "conflicting-settings",
            f"`alpha` contradicts `activation = {activation}`",
            "alpha",
            "is of silu alone",
            "`alpha` says how steep the sigmoid of gate sigmoid(alpha gate) is.",
            "write activation = silu, or leave out alpha",
            "activation",
        )


def _check_scores(options: ResolvedOptions) -> None:
    """`sum_eps` is of sigmoid; `near` chooses by the router's numbers themselves."""
    if "sum_eps" in options.stated and options.word("scores") != "sigmoid":
        raise options.fail(
            "conflicting-settings",
            "`sum_eps` contradicts `scores = softmax`",
            "sum_eps",
            "is of sigmoid scores",
            "The softmax of the chosen experts has a sum that is never zero.",
            "write scores = sigmoid, or leave out sum_eps",
            "scores",
        )
    if not options.exact("near"):
        return
    for name, fine in (("scores", "softmax"), ("balance", "bias")):
        said = options.word(name)
        if (said == fine) == (name == "balance"):
            raise options.fail(
                "conflicting-settings",
                f"`near` contradicts `{name} = {said}`",
                "near",
                "compares the numbers of the router",
                "With `near` an expert's score is a softmax among those whose numbers "
                "are near its own, and nothing is added where it is chosen.",
                f"write {name} = {'none' if name == 'balance' else fine}",
                name if name in options.stated else "",
            )
    if options.whole("groups") > 1:
        raise options.fail(
            "conflicting-settings",
            "`near` contradicts `groups`",
            "near",
            "chooses among all experts",
            "With `near` experts are chosen one after the other, of all that are left.",
            "leave out `groups`, or `near`",
            "groups",
        )


TEMPLATE = Template(
    kind="mixture_of_experts",
    title="mixture of experts",
    stem="moe",
    colour="#a7aab8",
    legend="mixture of experts",
    features=(
        Feature("router", "", ("zero",)),
        Feature("gate", "expand", flag="gate", latent="latent"),
        Feature("up", "expand", latent="latent"),
    ),
    instead=(Feature("latent", ""),),
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
            "what gate goes through; gelu is the tanh form, relu2 the square of relu",
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
        common.LIMIT,
        common.ALPHA,
        common.UP_OFFSET,
        Option(
            "latent",
            "whole",
            "channels of a projection that the experts read instead of the input, and "
            "write",
            0,
            high=common.MOST_HEAD_DIM,
            none=True,
        ),
        Option(
            "zero",
            "whole",
            "more experts to choose from, that give the token back as it is",
            0,
            high=MOST_EXPERTS,
            none=True,
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
            "sum_eps",
            "number",
            "what is added to that sum, where scores are sigmoid",
            Fraction(1, 10**20),
            low=1e-30,
            high=1,
        ),
        Option(
            "near",
            "number",
            "one expert after the other, its score among those left that are near it",
            0,
            low=1e-6,
            high=common.LARGEST_LIMIT,
            none=True,
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
        common.BIAS,
        common.bias_of("router"),
        common.OUT_BIAS,
    ),
)
