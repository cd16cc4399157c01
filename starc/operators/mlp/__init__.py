"""A plain MLP: an activation between two projections, tokens apart."""
