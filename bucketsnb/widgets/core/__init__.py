"""What every panel stands on: shared facts, the panel and its parts, threads, errors, and the front end in the page."""
