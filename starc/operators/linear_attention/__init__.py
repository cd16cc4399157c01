"""Linear attention: T_ij = phi(q_i) phi(k_j), low rank and nothing else."""
