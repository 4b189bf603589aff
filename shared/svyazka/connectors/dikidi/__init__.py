"""DIKIDI by its public booking widget: an unofficial way in, which its vendor may close on any day."""
