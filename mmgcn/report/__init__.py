"""Self-contained HTML files: ranked lists with explanations, or a run."""
