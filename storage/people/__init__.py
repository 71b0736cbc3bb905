"""Organisations, their departments, and the people who work in them."""
