"""One machine: journal, queue and configuration in one SQLite file."""
