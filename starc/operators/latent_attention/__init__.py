"""Latent attention: keys and values of all heads are made of one narrow latent."""
