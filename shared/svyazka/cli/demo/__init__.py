"""`svyazka demo`: `stage` starts the real processes, `acts` are what happens on it and what was promised of each."""
