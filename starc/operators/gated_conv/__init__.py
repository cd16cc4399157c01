"""GConv-1: a gated short convolution, T_ij = c_i K_{i-j} b_j, the filter explicit."""
