"""Modalities of a video: visual, acoustic, textual and motion."""
