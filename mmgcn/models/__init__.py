"""Models: one in each file, which has its name."""
