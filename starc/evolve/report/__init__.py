"""The account of a search: read from its database, written as one page."""
