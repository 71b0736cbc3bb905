"""Spaces: where people work together, and who does."""
