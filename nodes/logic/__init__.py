"""Node types that steer a run: where it starts, branches, repeats and ends."""
