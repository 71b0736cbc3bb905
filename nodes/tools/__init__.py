"""Node types that reach out of the run."""
