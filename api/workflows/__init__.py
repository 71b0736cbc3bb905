"""Workflows: their drafts, what is wrong with them, and their published versions."""
