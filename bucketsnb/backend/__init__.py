"""A Buckets service of our own, for notebooks, tests and small queues; it shares only `schema` with the client."""
