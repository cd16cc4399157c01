"""Softmax attention: SA-1 to SA-4, and whatever heads, windows and gates one wants."""

from starc.alphabet import common, rotation
from starc.alphabet.heads import split
from starc.alphabet.option import Option
from starc.alphabet.resolved_options import ResolvedOptions
from starc.alphabet.template import Feature, Template
from starc.ir.rope import Rope
from starc.operators.attention.operator import Attention


def build(options: ResolvedOptions) -> Attention:
    heads, kv_heads, head_dim = split(options)
    window = options.whole("window")
    if not window and options.words["sparsity"] == "banded":
        raise options.fail(
            "missing-parameter",
            "Banded attention without a window",
            "window",
            "the window is missing",
            f"The sparsity of {options.name} is banded: it sees `window` tokens.",
            f"write {options.name}(window = 1024), or banded(window = 1024) in its "
            "definition",
        )
    value_dim = options.maybe("value_dim")
    operator = Attention(
        width=options.width,
        kernel=options.whole("kernel"),
        shift=options.flag("shift"),
        bias=options.flag("bias"),
        out_bias=options.flag("out_bias"),
        bias_except=_bias_except(options),
        heads=heads,
        kv_heads=kv_heads,
        head_dim=head_dim,
        value_dim=0 if value_dim in (None, head_dim) else options.whole("value_dim"),
        rope=_rotation(options, head_dim),
        window=window,
        qk_norm=options.choice("qk_norm"),
        weightless=options.flag("weightless"),
        norm_bias=_norm_bias(options),
        own_weights=options.flag("own_weights"),
        rotate_first=options.flag("rotate_first"),
        alibi=_alibi(options),
        value=options.choice("value"),
        v_norm=options.flag("v_norm"),
        scale=float(options.exact("scale")) if options.get("scale") else 0.0,
        softcap=float(options.exact("softcap")),
        sinks=options.flag("sinks"),
        gate=options.choice("gate"),
        softplus=options.word("gate_activation") == "softplus",
        differential=float(options.exact("differential")),
    )
    _check(options, operator)
    return operator


def _one_kv(options: ResolvedOptions) -> bool:
    return options.word("value") == "k"


def _norm_bias(options: ResolvedOptions) -> bool:
    """Of a LayerNorm, which has one unless the text says otherwise."""
    layer = options.choice("qk_norm") == "layer" and not options.flag("weightless")
    return layer and options.get("norm_bias") is not False


def _alibi(options: ResolvedOptions) -> bool:
    stated = options.get("alibi")
    return options.stream.positions == "alibi" if stated is None else bool(stated)


def _rotation(options: ResolvedOptions, head_dim: int) -> Rope | None:
    """None where ALiBi is said of the LIV and a rotation is not."""
    if options.get("rope") is not None or not options.get("alibi"):
        return rotation.rotation(options, head_dim)
    for name in options.stated:
        if name.startswith("rope_"):
            raise rotation.nothing_turns(options, name, "alibi = true")
    return None


def _bias_except(options: ResolvedOptions) -> str:
    """Where one projection gives k and v, `k_bias` says whether it has a bias."""
    if not _one_kv(options):
        return options.bias_except("q", "k", "v", "gate")
    found = options.bias_except("q", "k", "gate").split()
    return " ".join("kv" if group == "k" else group for group in found)


def _check_difference(options: ResolvedOptions, operator: Attention) -> None:
    """A learned difference is one of pairs of heads, and of plain ones."""
    if not operator.differential:
        return
    for name in ("softcap", "sinks", "value_dim", "gate", "alibi", "value"):
        if getattr(operator, name):
            raise options.fail(
                "conflicting-settings",
                f"`differential` contradicts `{name}`",
                "differential",
                f"there is no code for it beside `{name}`",
                "A learned difference is made of two plain attentions.",
                f"leave out one of the two: differential, or {name}",
                name,
            )
    if operator.kv_heads % 2:
        raise options.fail(
            "does-not-divide",
            "The heads do not divide into pairs",
            "kv_heads" if "kv_heads" in options.stated else "heads",
            f"an odd number of heads of k and v: {operator.kv_heads}",
            "Of each pair of heads one attention is subtracted from the other.",
            "choose an even number of heads and kv_heads",
            "differential",
        )


def _check(options: ResolvedOptions, operator: Attention) -> None:
    """Words that say how something is which is not there, or is so already."""
    _check_difference(options, operator)
    norm, full = operator.qk_norm, operator.qk_norm == "full"
    none, one_kv = norm in ("", "l2") or operator.weightless, operator.one_kv
    for name, wrong, other, why, hint in (
        ("weightless", norm in ("", "l2"), "qk_norm", "has no weights", "head"),
        ("own_weights", full or none, "qk_norm", "no weights of heads", "head"),
        ("norm_bias", not operator.norm_bias, "qk_norm", "has no bias", "layer"),
        ("rotate_first", full or not norm, "qk_norm", "is the same either way", "head"),
        ("gate_activation", not operator.gate, "gate", "there is no gate", "head"),
        ("value_dim", one_kv, "value", "v is as wide as k", "none"),
        ("v_bias", one_kv, "value", "there is no projection of v", "none"),
    ):
        hint = f"{other} = {hint}"
        if wrong and name in options.stated and options.get(name) not in (False, None):
            raise options.fail(
                "conflicting-settings",
                f"`{name}` says nothing here",
                name,
                f"{other} = {options.choice(other) or 'none'}: {why}",
                f"`{name}` is about `{other}`.",
                f"say {hint} too, or leave out {name}",
                other,
            )


TEMPLATE = Template(
    kind="attention",
    title="softmax attention",
    stem="attn",
    colour="#c65f46",
    legend="attention",
    features=(
        Feature("q", "expand", ("rope",)),
        Feature("k", "expand", ("rope", "window"), repeats=True),
        Feature("v", "expand", ("window",), repeats=True),
        Feature("gate", "", ("gate",), flag="gate"),
    ),
    instead=(Feature("kv", "", ("rope", "window")),),
    token="low_rank",
    sparsity=("none", "banded"),
    nonlinear=("softmax",),
    channel="grouped",
    features_token=("diagonal", "toeplitz"),
    operator=Attention,
    build=build,
    conflicts=rotation.CONFLICTS,
    options=(
        common.HEADS,
        common.KV_HEADS,
        common.HEAD_DIM,
        Option(
            "value_dim",
            "whole",
            "channels of each head of v",
            derived="head_dim",
            high=common.MOST_HEAD_DIM,
        ),
        Option(
            "value",
            "word",
            "what v is beside a projection of its own: k, before its norm and rotation",
            "none",
            choices=("none", "k"),
        ),
        Option(
            "window",
            "whole",
            "tokens that a token sees, itself included; none: all before it",
            0,
            high=common.MOST_TOKENS,
            none=True,
        ),
        Option(
            "qk_norm",
            "word",
            "RMSNorm of q and k, over each head or over all at once (full), LayerNorm "
            "over each head (layer), or each head at length 1 (l2)",
            "none",
            choices=("none", "head", "full", "layer", "l2"),
            yes="head",
        ),
        Option("weightless", "flag", "qk_norm has no weights", False),
        Option(
            "own_weights", "flag", "qk_norm has weights of its own for each head", False
        ),
        Option(
            "norm_bias",
            "flag",
            "qk_norm has biases beside its weights",
            derived="true for a layer norm with weights",
        ),
        Option("v_norm", "flag", "RMSNorm of each head of v, without weights", False),
        Option("rotate_first", "flag", "qk_norm comes after the rotation", False),
        Option(
            "rope",
            "flag",
            "rotary positions on q and k",
            derived="as `positions` of the model says",
            assumption="the paper does not name its positions",
        ),
        *rotation.OPTIONS,
        Option(
            "alibi",
            "flag",
            "scores fall with the distance, in each head by another slope",
            derived="as `positions` of the model says",
        ),
        common.SCALE,
        Option(
            "softcap",
            "number",
            "c in c tanh(scores / c), which bounds them",
            0,
            low=1e-3,
            high=1e6,
            none=True,
        ),
        Option(
            "sinks",
            "flag",
            "a learned score for each head that takes its part of the softmax",
            False,
        ),
        Option(
            "gate",
            "word",
            "what is multiplied with an activation of the input: each head's output, "
            "or each channel's",
            "none",
            choices=("none", "head", "channel"),
            yes="head",
        ),
        Option(
            "gate_activation",
            "word",
            "what the gate goes through",
            "sigmoid",
            choices=("sigmoid", "softplus"),
            field="softplus",
        ),
        Option(
            "differential",
            "number",
            "lambda at the start of a learned difference between the halves of the "
            "heads; layer i of DiffLlama: 0.8 - 0.6 exp(-0.3 i)",
            0,
            low=1e-3,
            high=0.999,
            none=True,
        ),
        common.kernel("q, k and v", "SA-2: 3 taps; the paper gives no length"),
        common.SHIFT,
        common.EXPAND,
        common.BIAS,
        *map(common.bias_of, ("q", "k", "v", "gate")),
        common.OUT_BIAS,
    ),
)
