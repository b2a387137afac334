"""Models: one paper, one file, named like the file."""
