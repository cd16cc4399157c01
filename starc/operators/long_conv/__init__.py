"""GConv-2: a gated long convolution, T_ij = c_i K_{i-j} b_j with an implicit filter."""
