"""Roles: the catalogue of permissions, roles of one's own, and to whom they are given."""
