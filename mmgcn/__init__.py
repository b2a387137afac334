"""Features and interactions to recommendations."""
