"""Node types that shape, keep and look up values."""
