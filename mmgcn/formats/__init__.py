"""Formats of data sets: one file each, named like the format."""
