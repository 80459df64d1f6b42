"""Plan, apply, receipt, journal, undo: the one way in which works are changed."""
