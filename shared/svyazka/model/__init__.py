"""The words of the house as types: no I/O, no clock, no vendor."""
