"""Node types, as an editor's palette needs them."""
