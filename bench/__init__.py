"""Benchmarks: what Mainspring costs over bare Temporal workflows that do the same, on one server."""
