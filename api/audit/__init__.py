"""The audit log: who did what, read and written out, never changed."""
