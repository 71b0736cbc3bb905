"""Variables: what they are, and the values of users and applications."""
