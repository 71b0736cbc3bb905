"""Tokens for programs: of people, of applications that sign for theirs, and of the end users of something published."""
