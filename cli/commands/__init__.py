"""The sub-commands of `mainspring`, one module each."""
