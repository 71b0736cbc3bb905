"""Node types that keep and find knowledge."""
