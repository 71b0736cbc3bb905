"""User tables in SQLite: one file for each organisation, which holds nothing else."""
