"""Node types that work on text."""
