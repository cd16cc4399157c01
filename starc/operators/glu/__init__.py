"""GMemless: a gated linear unit, T_ij = activation(gate_i) for i = j, else 0."""
