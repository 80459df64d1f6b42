"""The service over HTTP: who is answered, the routes, and every refusal in the shape of the service."""
