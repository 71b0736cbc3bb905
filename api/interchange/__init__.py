"""Workflows from elsewhere, and workflows of ours as files."""
