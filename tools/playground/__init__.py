"""The page that compiles in a browser: what it asks, and what it is packed from."""
