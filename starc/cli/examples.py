"""What the help of each command shows; tests/cli/test_examples.py runs every line."""

EXAMPLES: dict[str, tuple[str, ...]] = {
    "new": ("starc new tiny", "starc new mixed --like hybrid"),
    "check": (
        "starc check hybrid.star older.star",
        "starc check --format json hybrid.star",
    ),
    "fmt": ("starc fmt hybrid.star", "starc fmt --check hybrid.star older.star"),
    "lsp": ("starc lsp",),
    "show": (
        "starc show hybrid.star",
        "starc show --tree hybrid.star",
        "starc show --context 131072 --dtype fp16 --json hybrid.star",
    ),
    "diff": ("starc diff older.star hybrid.star",),
    "draw": (
        "starc draw --open hybrid.star",
        "starc draw hybrid.star -o hybrid.svg",
        "starc draw hybrid.star --operator attn_0 --input 'to be' -o attention.png",
    ),
    "explain": ("starc explain unknown-liv", "starc explain GQA"),
    "compile": (
        "starc compile hybrid.star -o hybrid.py",
        "starc compile --kernels none hybrid.star",
        "starc compile --emit plan hybrid.star",
    ),
    "vendor": ("starc vendor hybrid.star --into models",),
    "verify": ("starc verify vendored",),
    "upgrade": ("starc upgrade --dry-run vendored", "starc upgrade vendored"),
    "recover": ("starc recover vendored/small.py",),
    "import": ("starc import public -o public.star",),
    "convert": ("starc convert public public.star -o weights.safetensors",),
    "weights": ("starc weights hybrid.star", "starc weights --json hybrid.star"),
    "zoo": ("starc zoo",),
    "export": ("starc export hybrid.star exported",),
    "train": (
        "starc train hybrid.star --minutes 10 --output runs/hybrid",
        "starc train hybrid.star --data text.txt --lr 3e-3 --output runs/text",
    ),
    "compare": ("starc compare hybrid.star older.star --seeds 3",),
    "scale": ("starc scale hybrid.star --width 128 --depth 4",),
    "evolve": (
        "starc evolve search.star -o runs/first",
        "starc evolve --resume runs/small",
    ),
    "front": (
        "starc front runs/small",
        "starc front runs/small --format csv -o front.csv",
        "starc front runs/small --time 5",
    ),
    "pick": ("starc pick runs/small 1 -o best",),
    "report": ("starc report runs/small -o report.html",),
    "motifs": (
        "starc motifs runs/small",
        "starc motifs runs/small --as liv --top 3 -o motifs.star",
        "starc motifs hybrid.star older.star --top 10",
    ),
    "decode": (
        "starc decode 21211-31112-21221-32112 --width 512",
        "starc decode '[[7, 1, 1, 1, 1], [9, 1, 1, 1, 1]]' -o decoded.star",
    ),
    "encode": ("starc encode hybrid.star", "starc encode --canonical hybrid.star"),
    "genes": ("starc genes", "starc genes --json"),
}
