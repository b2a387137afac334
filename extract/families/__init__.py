"""Families: libraries whose models are encoders by name; one library, one file."""
