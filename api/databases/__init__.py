"""Databases: tables that authors make, which the nodes of canvases read and write."""
