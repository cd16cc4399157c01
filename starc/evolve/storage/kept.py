"""Files in the folder of a candidate that say how its training ended."""

WEIGHTS, OPTIMIZER, RECIPE = "weights.safetensors", "optimizer.safetensors", "run.json"
"""Together a checkpoint of `starc train`: see `starc pick --checkpoint`."""
