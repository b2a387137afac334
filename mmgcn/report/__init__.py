"""One file of HTML that needs nothing else: a list with its reasons, or a whole run."""
