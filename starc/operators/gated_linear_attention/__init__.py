"""GLA: linear attention whose state decays, each key channel by its own rate."""
