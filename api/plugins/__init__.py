"""Plugins: HTTP tools that an OpenAPI document describes, set up, published and tried."""
