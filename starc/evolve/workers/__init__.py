"""Where evaluations run: here, in other processes, on a Ray cluster."""
