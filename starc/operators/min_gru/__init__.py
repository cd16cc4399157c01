"""minGRU: a gated recurrence whose gate does not see the state."""
