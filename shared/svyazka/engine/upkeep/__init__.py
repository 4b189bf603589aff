"""What runs by the clock: sweep, polls, retention, watching over silent hooks."""
