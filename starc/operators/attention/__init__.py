"""Softmax attention: T_ij = softmax(q_i k_j), low rank made dense by the softmax."""
