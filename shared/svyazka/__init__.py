"""Svyazka: an integration hub for small businesses. See docs/ for the map of the house."""

__version__ = "0.1.0"
