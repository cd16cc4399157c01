"""An operator of the tests: one of several experts for each token."""
