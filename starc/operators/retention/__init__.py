"""Retention: linear attention whose state decays, each head by a rate of its own."""
