"""Search for architectures: genomes are varied, compiled, measured and selected."""
