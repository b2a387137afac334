"""Studies: many trainings on one split, and their joint results."""
