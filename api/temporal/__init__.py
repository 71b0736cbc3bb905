"""Temporal's own pages: who may read there what is encrypted, and the endpoint that shows it to them."""
