"""What the process says of itself: whether it is alive and ready, and which document it understands."""
