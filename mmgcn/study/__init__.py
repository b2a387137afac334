"""Studies: many trainings on one split, and what they tell together."""
