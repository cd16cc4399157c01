"""Rec-1, Rec-2, Mamba-1: a selective state-space layer, a state for each channel."""
