"""A plain, small, resumable trainer for emitted models. Needs torch; nothing else does.

run.py is the whole: settings -> model, text, optimizer, loop, checkpoints, sample.
"""
