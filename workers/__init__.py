"""Temporal workers: they carry out the runs that the engine plans."""
