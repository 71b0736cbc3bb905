"""Files: taken in through one guard, and given out by whoever may see them, or by signed links."""
