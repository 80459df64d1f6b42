"""The service over HTTP: access, routes, and errors in the shape of the service's own."""
