"""Words that an option is one of: help, errors and what acts on them read these."""

STAGES = ("ast", "ir", "plan", "model")
"""Of the compiler: --emit."""

OPTIONAL_PASSES = ("share_features", "share_weights", "prune", "fuse")
"""Those that the later stages can do without: --no-pass."""

KERNELS = ("all", "none")
"""Whether the emitted file holds the Triton code of its kernels: --kernels."""

FORMATS = ("text", "json")
"""Of mistakes: json is for editors."""

DTYPES = {"bf16": 2, "fp16": 2, "fp32": 4, "fp64": 8}
"""Of the cache, with the bytes of an element."""

WAYS = ("stack", "interleave")
"""How depth grows."""

ALGORITHMS = ("nsga2", "ga", "random", "map_elites")
"""Of selection in a search."""

EXPORTS = ("hf", "torch-export", "onnx", "gguf")
"""Forms of `starc export`."""

STARTS = ("lfm2", "transformer", "mamba", "hybrid")
"""What `starc new` writes: files of `templates/new/`."""

VARIATIONS = ("inherit", "paper")
"""Of children in a search: on LIVs and who shares, or on digits as published."""

LOGS = {"tensorboard": ("tensorboard",), "mlflow": ("mlflow", "sqlalchemy")}
"""Of a search as it goes on, with the libraries that write them: --log."""

FRONT_FORMATS = ("text", "csv", "json", "parquet")
"""Of `starc front`: --format."""

MOTIF_FORMS = ("text", "json", "liv")
"""Of `starc motifs`: --as."""
