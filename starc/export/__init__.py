"""Compiled models in the forms that other people's tools read, a file a target."""
