"""From a saved run to answers."""
