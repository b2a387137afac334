"""Videos, posters, item cards and styles, shared by the service's page and by reports."""
