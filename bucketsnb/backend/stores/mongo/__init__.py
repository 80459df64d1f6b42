"""Works in MongoDB, for a queue that several machines serve."""
