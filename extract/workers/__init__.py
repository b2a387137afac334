"""Worker processes, which decode clips and prepare and encode their units; they may crash."""
