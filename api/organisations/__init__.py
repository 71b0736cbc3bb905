"""Organisations over HTTP: their tree, their departments, their people."""
