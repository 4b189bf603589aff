"""What is measured, and how: `make bench` runs all of it and writes `results/`."""
