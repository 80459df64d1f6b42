"""Regions of a page that several panels have: the grid, the filters, the actions, and the one place for an answer."""
