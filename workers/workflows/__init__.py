"""The workflows: what is replayed. They know the engine and Temporal, and nothing else of this project."""
