"""An architecture at another width and depth."""
