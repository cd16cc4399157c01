"""MoE: T_ii = p_e activation(gate_i) for the channels of chosen experts e, else 0."""
