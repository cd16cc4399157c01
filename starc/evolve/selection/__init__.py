"""Who survives: fronts, algorithms, halving, and what is counted."""
