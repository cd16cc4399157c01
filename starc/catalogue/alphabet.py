"""Definitions of featurizers and LIVs."""

from starc.catalogue.explanation import Explanation

_SMALL = "\nmodel tiny { width = 64 }\n\nbackbone {\n  MHA\n}\n"


def _liv(**settings: str) -> str:
    lines = "".join(f"  {name} = {value}\n" for name, value in settings.items())
    return f"liv Mine {{\n{lines}}}\n{_SMALL}"


EXPLANATIONS: tuple[Explanation, ...] = (
    Explanation(
        "no-template",
        "A combination that no template realises",
        "A genome can say more combinations of structures than there is code for. Five "
        "choices meet here: the featurizer's groups, token mixing, sparsity, "
        "nonlinearity and channel mixing. The message says which one to change, and to "
        "what, for the nearest operator that there is.",
        _liv(
            featurizer="qkv", token="low_rank", nonlinear="softmax", channel="diagonal"
        ),
        _liv(
            featurizer="qkv", token="low_rank", nonlinear="softmax", channel="grouped"
        ),
    ),
    Explanation(
        "unknown-structure",
        "Unknown structure",
        "Token mixing is diagonal, low_rank, toeplitz or semi_separable; sparsity none "
        "or banded; the nonlinearity none, softmax, relu, silu, gelu or sigmoid; "
        "channel mixing diagonal, dense or grouped.",
        _liv(featurizer="qkv", token="lowrank", nonlinear="softmax", channel="grouped"),
        _liv(
            featurizer="qkv", token="low_rank", nonlinear="softmax", channel="grouped"
        ),
    ),
    Explanation(
        "missing-setting",
        "A definition that lacks something",
        "A featurizer says its groups; a LIV its featurizer, token and channel mixing. "
        "What is left out besides is none, dense or diagonal.",
        _liv(featurizer="bcx", token="toeplitz"),
        _liv(featurizer="bcx", token="toeplitz", channel="diagonal"),
    ),
    Explanation(
        "diff-of-diff",
        "A difference of a difference",
        "`diff(X)` is two LIVs of class X with parameters of their own, one output "
        "subtracted from the other. X itself is a plain class.",
        "liv Mine = diff(SA-1-Diff)\n" + _SMALL,
        "liv Mine = diff(MHA)\n" + _SMALL,
    ),
    Explanation(
        "code-taken",
        "Two classes with one code",
        "A code is how a genome calls a class, so each has its own. 1 to 17 are the "
        "paper's, and 1 to 9 for featurizers. A class without a code can be used in "
        "text, and not in genomes.",
        "liv Mine = diff(SwiGLU) { code = 17 }\n" + _SMALL,
        "liv Mine = diff(SwiGLU) { code = 18 }\n" + _SMALL,
    ),
)
