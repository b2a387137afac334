"""The service: recommendations over HTTP. Needs the extra `serve`."""
