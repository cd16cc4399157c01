"""What is searched for: the spec, a candidate, and what a candidate means."""
