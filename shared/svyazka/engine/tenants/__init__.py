"""Tenants and their connections as the worker sees them."""
