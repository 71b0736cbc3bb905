"""Command line of Mainspring."""
