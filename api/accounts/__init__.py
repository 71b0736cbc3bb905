"""Accounts: registration, login and sessions, one's own profile and password, and those of others."""
