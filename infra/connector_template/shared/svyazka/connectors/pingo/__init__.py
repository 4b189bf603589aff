"""Pingo: what it is, in a line."""
