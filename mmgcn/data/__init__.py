"""Interactions, splits and the aligned data set."""
