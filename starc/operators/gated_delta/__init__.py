"""The gated delta rule: a state that decays, and replaces what it holds for a key."""
