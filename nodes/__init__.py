"""Built-in node types: what each does with its inputs."""
