"""Modalities of a video: visual, acoustic and textual."""
