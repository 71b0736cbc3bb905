"""Conversations, and what is said in them."""
