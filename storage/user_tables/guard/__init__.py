"""The one guard of SQL that authors write: what it does not know does not run."""
