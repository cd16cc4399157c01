"""Skeleton: one sentence that says what T(x) is."""
