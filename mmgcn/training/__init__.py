"""Training: recipes, epochs, evaluations, checkpoints and run folders."""
