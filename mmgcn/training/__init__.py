"""Negative sampling, losses, checkpoints and the training loop."""
