"""Canvases of other systems, and workflows of ours as files: what comes in, what goes out, what they need."""
