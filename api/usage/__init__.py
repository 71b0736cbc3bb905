"""What was spent on models."""
