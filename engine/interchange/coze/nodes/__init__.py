"""The node types of Coze, one module for each family: what becomes of their nodes here."""
