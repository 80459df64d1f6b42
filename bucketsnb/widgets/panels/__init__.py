"""One task each: the status, a check-up, a claim, a deposit, a change of a field, the journal."""
