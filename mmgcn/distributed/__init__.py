"""Distributed training: users divided among processes, items on all of them."""
