"""A run on disk: its database, and the lock of its one coordinator."""
