"""One delivery's way: admission, claim, attempt, recording."""
