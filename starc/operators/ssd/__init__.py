"""Mamba-2: a semi-separable T with one scalar decay for each head (SSD)."""
