"""LAuReL: the input as it is, plus a projection of it by way of a few channels."""
