"""Deterministic graph execution: the canvas, its rules and the run, using only the standard library and pydantic."""
