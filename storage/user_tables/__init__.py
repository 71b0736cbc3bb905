"""The tables that authors make, their rules, and the guard that every SQL of theirs passes."""
