"""Genomes as integers."""

from starc.catalogue.explanation import Explanation

_TOP = "model example { width = 256 }\n\n"

EXPLANATIONS: tuple[Explanation, ...] = (
    Explanation(
        "malformed-genome",
        "Malformed genome",
        "A backbone genome is five integers from 1 up for each LIV. Written as text, a "
        "`-` stands between two LIVs, and the five are digits in a row, or separated "
        "by dots, commas or spaces where one of them passes 9: 21211-31112, or "
        "10.1.2.1.1-2.1.1.1.1. JSON is read too: [[2, 1, 2, 1, 1], [3, 1, 1, 1, 2]]. "
        "LIVs are counted from 0, as in the names of the layers.",
        "",
        _TOP + "backbone {\n"
        "  attn_0: SA-2                    # 21211-21211, as text\n"
        "  SA-2 weights from attn_0\n"
        "}\n",
    ),
    Explanation(
        "illegal-genome",
        "Illegal genome",
        "The integers are well formed and describe no architecture. Either a gene is "
        "out of its range: a class that is not there, a strategy that its class does "
        "not have. Or a LIV joins a sharing group (genes 2 and 3, or 4 and 5) whose "
        "first LIV is of another class: what those compute does not fit. `starc genes` "
        "lists every gene and value; `starc.genome.repair` makes any genome legal.",
        "",
        _TOP + "backbone {\n"
        "  attn_0: SA-3                    # 31211-11111-31211; gene 3 of SA-1 is 1\n"
        "  SA-1\n"
        "  SA-3 weights from attn_0\n"
        "}\n",
    ),
    Explanation(
        "not-in-genome",
        "Not in a genome",
        "`starc encode` writes the backbone as integers, and this place says what no "
        "integer says. A genome is a sequence of LIVs that have a code, with the "
        "parameters of their class, each in at most one group that shares a featurizer "
        "and at most one that shares features. So it has no `parallel`, no `same as`, "
        "no parameter other than the default, and no sharing of feature groups but "
        "those that `starc genes` lists. Such a file compiles all the same.",
        _TOP + "backbone {\n  parallel { SA-1; Rec-1 }\n}\n",
        _TOP + "backbone {\n  SA-1\n  Rec-1\n}\n",
    ),
    Explanation(
        "bad-genes",
        "Bad genes",
        "genes(...) holds genes 2 to 5 of a LIV: label and strategy of featurizer "
        "sharing, label and strategy of feature-group sharing. Labels are integers "
        "from 1 up; the first strategy is 1 or 2, the second what the class has. "
        "`starc decode --exact` writes it where the words alone would not bring the "
        "same integers back.",
        _TOP + "backbone {\n  SA-1 genes(0, 1, 1, 1)\n}\n",
        _TOP + "backbone {\n  SA-1 genes(7, 1, 1, 1)\n}\n",
    ),
    Explanation(
        "genes-disagree",
        "Genes and words disagree",
        "Who shares what with whom is said in words: `weights from`, `k, v from`. "
        "genes(...) keeps only what the words leave open, such as the label of a LIV "
        "that shares nothing. Here the genes, with those of the other LIVs, mean "
        "another sharing than the words. Take the genes(...) away after changing the "
        "words; nothing of the model is lost.",
        _TOP + "backbone {\n  a: SA-1\n  SA-1 weights from a genes(1, 1, 1, 1)\n}\n",
        _TOP + "backbone {\n  a: SA-1\n  SA-1 weights from a genes(5, 2, 1, 1)\n}\n",
    ),
)
