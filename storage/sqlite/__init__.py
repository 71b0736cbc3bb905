"""The relational store in one file: nothing to install, nothing to start."""
