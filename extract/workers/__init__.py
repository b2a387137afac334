"""Worker processes: decode clips, prepare and encode their units, in processes that may crash."""
