"""A model of the measures: which of many children are worth measuring."""
