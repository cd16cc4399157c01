"""A study of what a search finds: `python -m benchmarks.study`, in docs/study.md."""
