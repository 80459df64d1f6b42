"""A Buckets service of our own, for notebooks, tests and small queues; it does not use the client."""
