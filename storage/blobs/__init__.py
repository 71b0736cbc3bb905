"""Where big values and files are kept."""
