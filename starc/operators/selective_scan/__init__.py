"""Rec-1 and Rec-2: a selective state-space layer with a state for each channel."""
