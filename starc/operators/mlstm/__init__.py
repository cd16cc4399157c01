"""mLSTM: a matrix memory with exponential gates."""
