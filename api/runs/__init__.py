"""Runs: started, watched, answered, cancelled, and read afterwards."""
