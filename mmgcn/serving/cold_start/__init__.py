"""Vectors for users and items that a run was not trained on."""
