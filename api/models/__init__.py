"""Models: what providers offer, what is set up here, and whether it answers."""
