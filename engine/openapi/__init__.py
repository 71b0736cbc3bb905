"""OpenAPI documents read as tools: what a plugin offers, without a network."""
