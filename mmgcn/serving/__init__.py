"""Ranked lists, explanations and exports of a finished run."""
