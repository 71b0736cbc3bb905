"""Runs what nobody vouches for, in a tree of processes of its own that imports nothing of the application."""
