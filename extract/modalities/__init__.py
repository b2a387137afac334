"""Modalities: what a video looks, sounds and reads like."""
