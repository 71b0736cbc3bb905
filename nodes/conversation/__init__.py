"""Node types that speak with the person behind the run."""
