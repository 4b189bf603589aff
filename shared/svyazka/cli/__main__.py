"""`python -m svyazka.cli`."""

from svyazka.cli import main

main()
