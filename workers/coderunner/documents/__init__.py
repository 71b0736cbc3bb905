"""Text and tables out of files that nobody vouches for: one module for each family of formats."""
