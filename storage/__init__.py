"""Where canvases, runs and files are kept."""
