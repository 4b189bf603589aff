"""Asking vendors for people who wait: single flight, short memory, a share of the rate."""
