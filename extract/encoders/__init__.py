"""Encoders: one architecture, one file, named like the file."""
