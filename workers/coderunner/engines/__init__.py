"""What can be run in the jail: one module per engine, each with its `ENGINE`."""
