"""What every comparison of models holds the same, in the search and outside it."""

VALIDATION_BATCHES = 16
LOOK = 10
"""Steps between looks at the loss: each look waits for the GPU."""

NARROW = 96
"""Below this width a CPU with AMX is faster in float32: a step at width 64 took 61 ms
in float32 and 73 in bf16, at 128 it took 134 and 106, at 512 1071 and 476."""
