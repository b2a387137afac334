"""The service: a run's answers over HTTP. Needs the extra `serve`."""
