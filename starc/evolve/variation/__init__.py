"""New candidates: sampling, crossover, mutation, repair."""
