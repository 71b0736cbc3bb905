"""The demonstration: a worker is killed in the middle of a run, and what ran once is counted where it arrived."""
